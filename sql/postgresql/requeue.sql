-- Queues ended rows again, and at level 1 scheduled ones now, at the end of the queue. Like Django's admin action it clears no output, error or log.
-- Params: ids
-- Returns: id
UPDATE {table}
   SET status = 0,
       worker_pid = NULL, -- [errors]
       run_after = NULL, attempt = 0, losses = 0, -- [migrated]
       modified = statement_timestamp()
 WHERE id = ANY (:ids::uuid[])
   AND status IN (2, 3, 4) -- [not migrated]
   AND status IN (2, 3, 4, 5) -- [migrated]
RETURNING id
