-- Fails a row that cannot be read, by its id as it stands in the table.
-- Params: id, error, now
-- Returns: nothing
UPDATE {table}
   SET status = 3,
       worker_pid = NULL, -- [errors]
       error = :error, -- [errors]
       output = coalesce(output, '') || :error, -- [not errors]
       modified = :now
 WHERE id = :id
   AND status IN (0, 1)
