-- Fails a row that cannot be read, by its id as it stands in the table. An id that is a text and no UTF-8 is given as its
-- bytes, and `as_text` says so.
-- Params: id, as_text, error, now
-- Returns: nothing
UPDATE {table}
   SET status = 3,
       worker_pid = NULL, -- [errors]
       error = :error, -- [errors]
       output = coalesce(output, '') || :error, -- [not errors]
       run_after = NULL, -- [migrated]
       modified = :now
 WHERE id = CASE WHEN :as_text THEN CAST(:id AS text) ELSE :id END
   AND status IN (0, 1) -- [not migrated]
   AND status IN (0, 1, 5) -- [migrated]
