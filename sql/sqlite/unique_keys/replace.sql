-- Makes a scheduled task what a later one with its unique key asks for. Its attempts count from 0 again. One that is not
-- scheduled any more stays as it is. What the first one was to run after is forgotten in the same transaction.
-- Params: id, task, args, status, modified, queue, priority, run_after, max_attempts, links, limit_key
-- Returns: nothing
UPDATE {table}
   SET task = :task,
       args = :args,
       status = :status,
       modified = :modified,
       queue = :queue,
       priority = :priority,
       max_attempts = :max_attempts,
       run_after = :run_after,
       links = :links | (links & 12),
       limit_key = :limit_key, written = NULL,
       attempt = 0,
       losses = 0
 WHERE id = :id
   AND status = 5
