-- Queues ended rows again, at the end of the queue. Like Django's admin action it clears no output, error or log.
-- `ids` is a JSON array; `now` is the host's clock.
-- Params: ids, now
-- Returns: id
UPDATE {table}
   SET status = 0,
       worker_pid = NULL, -- [errors]
       modified = :now
 WHERE id IN (SELECT value FROM json_each(:ids))
   AND status IN (2, 3, 4)
RETURNING id
