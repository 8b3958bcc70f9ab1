-- Writes the end of an attempt that is recorded, because others have gone before or will follow: `finish`, with what
-- becomes of the row after it. Where it has changed a row, `record` follows in the same transaction. `run_after` is in UTC.
-- One that has run waits for nobody any more, whoever queued it.
-- A worker that was lost leaves what it has written of the log; it stands in the record, too, unless it is that of the
-- attempt before.
-- Params: id, token, status, output, error, log, keep, run_after, attempt, lost, now
-- Returns: nothing
UPDATE {table}
   SET status = :status,
       modified = :now,
       run_after = :run_after,
       attempt = :attempt,
       losses = losses + :lost,
       written = CASE WHEN links & 16 = 0 THEN written END, links = (links | 8) & ~18, -- [migrated]
       worker_pid = NULL, -- [errors]
       error = :error, -- [errors]
       log = CASE WHEN :lost THEN log ELSE :log END, -- [errors]
       output = CASE WHEN :keep THEN output ELSE :output END -- [errors]
       output = CASE WHEN :error IS NULL THEN CASE WHEN :keep THEN output ELSE :output END -- [not errors]
                     ELSE coalesce(CASE WHEN :keep THEN output ELSE :output END, '') || :error END -- [not errors]
 WHERE status = 1
   AND modified = :token
   AND id BETWEEN :id AND :id
