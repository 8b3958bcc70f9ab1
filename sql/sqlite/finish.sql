-- Writes the end of a run. The row is fenced by the claim's token, so that a worker whose claim was taken away
-- changes nothing. The 7-column table has no error column: the text follows the output, as that Django release
-- writes it. One row at a time, within one transaction: no slower here than one statement for the batch, and
-- a text is never copied into an array first. `now` is the host's clock.
-- BETWEEN, here and wherever a claim is fenced, is `=`, of which SQLite thinks that the primary key finds it fastest;
-- the index of rows in progress holds a few of them, and they are neighbours.
-- Params: id, token, status, output, error, log, keep, now
-- Returns: nothing
UPDATE {table}
   SET status = :status,
       modified = :now,
       worker_pid = NULL, -- [errors]
       error = :error, -- [errors]
       log = :log, -- [errors]
       output = CASE WHEN :keep THEN output ELSE :output END -- [errors]
       output = CASE WHEN :error IS NULL THEN CASE WHEN :keep THEN output ELSE :output END -- [not errors]
                     ELSE coalesce(CASE WHEN :keep THEN output ELSE :output END, '') || :error END -- [not errors]
 WHERE status = 1
   AND modified = :token
   AND id BETWEEN :id AND :id
