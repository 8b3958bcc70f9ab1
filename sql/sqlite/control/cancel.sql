-- Cancels what has not ended. The worker that runs such a row sees it at its next heartbeat.
-- `ids` is a JSON array; `now` is the host's clock, SQLite has no other.
-- Params: ids, now
-- Returns: id
UPDATE {table}
   SET status = 4,
       worker_pid = NULL, -- [errors]
       run_after = NULL, -- [migrated]
       written = CASE WHEN links & 16 = 0 THEN written END, links = links & ~18, -- [migrated]
       modified = :now
 WHERE id IN (SELECT value FROM json_each(:ids))
   AND status IN (0, 1) -- [not migrated]
   AND status IN (0, 1, 5) -- [migrated]
RETURNING id
