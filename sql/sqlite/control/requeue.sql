-- Queues ended rows again, and at level 1 scheduled ones now, at the end of the queue. Like Django's admin action it clears no output, error or log.
-- `ids` is a JSON array; `now` is the host's clock, and `now_utc` too.
-- One that needs a slot under a limit goes the way of a scheduled one that is due; nobody is waited for any more. What one
-- that had ended has left as its output is of no run any more, so that a stream does not begin with it.
-- Params: ids, now, now_utc
-- Returns: id
UPDATE {table}
   SET
       status = 0, -- [not migrated]
       status = CASE WHEN links & 1 <> 0 THEN 5 ELSE 0 END, -- [migrated]
       worker_pid = NULL, -- [errors]
       run_after = CASE WHEN links & 1 <> 0 THEN :now_utc END, links = links & ~18, -- [migrated]
       written = CASE WHEN status = 5 AND links & 16 = 0 THEN written END, -- [migrated]
       attempt = 0, losses = 0, -- [migrated]
       modified = :now
 WHERE id IN (SELECT value FROM json_each(:ids))
   AND status IN (2, 3, 4) -- [not migrated]
   AND status IN (2, 3, 4, 5) -- [migrated]
RETURNING id
