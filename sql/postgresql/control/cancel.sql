-- Cancels what has not ended. The worker that runs such a row sees it at its next heartbeat, or at once where it listens.
-- Params: ids, channel
-- Returns: id
WITH cancelled AS (
    UPDATE {table}
       SET status = 4,
           worker_pid = NULL, -- [errors]
           run_after = NULL, -- [migrated]
           written = CASE WHEN links & 16 = 0 THEN written END, links = links & ~18, -- [migrated]
           modified = statement_timestamp()
     WHERE id = ANY (:ids::uuid[])
       AND status IN (0, 1) -- [not migrated]
       AND status IN (0, 1, 5) -- [migrated]
    RETURNING id
)
SELECT id FROM cancelled -- [not notify]
SELECT id, pg_notify(:channel::text, 'cancel') FROM cancelled -- [notify]
