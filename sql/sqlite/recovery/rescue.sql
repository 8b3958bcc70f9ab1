-- Takes the rows that `expired` has just read in the same transaction: failed with a text, or queued again where there
-- is none. Two statements, because RETURNING cannot give the old worker_pid. `ids` is a JSON array; `now` is the
-- host's clock.
-- Params: ids, error, now
-- Returns: nothing
UPDATE {table}
   SET status = CASE WHEN :error IS NULL THEN 0 ELSE 3 END,
       worker_pid = NULL, -- [errors]
       error = coalesce(:error, error), -- [errors]
       output = CASE WHEN :error IS NULL THEN output ELSE coalesce(output, '') || :error END, -- [not errors]
       modified = :now
 WHERE id IN (SELECT value FROM json_each(:ids))
