-- Queues ended rows again, and at level 1 scheduled ones now, at the end of the queue. Like Django's admin action it clears no output, error or log.
-- `ids` is a JSON array; `now` is the host's clock.
-- Params: ids, now
-- Returns: id
UPDATE {table}
   SET status = 0,
       worker_pid = NULL, -- [errors]
       run_after = NULL, attempt = 0, losses = 0, -- [migrated]
       modified = :now
 WHERE id IN (SELECT value FROM json_each(:ids))
   AND status IN (2, 3, 4) -- [not migrated]
   AND status IN (2, 3, 4, 5) -- [migrated]
RETURNING id
