-- Queues ended rows again, at the end of the queue. Like Django's admin action it clears no output, error or log.
-- Params: ids
-- Returns: id
UPDATE {table}
   SET status = 0,
       worker_pid = NULL, -- [errors]
       modified = statement_timestamp()
 WHERE id = ANY (:ids::uuid[])
   AND status IN (2, 3, 4)
RETURNING id
