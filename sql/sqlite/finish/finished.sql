-- Asked of a row that `finish` did not change: whether it already holds exactly this end, because an earlier attempt
-- did commit and only its reply was lost.
-- Params: id, status, output, error, keep
-- Returns: id
SELECT id
  FROM {table}
 WHERE id = :id
   AND status = :status
   AND (:keep OR output IS :output) -- [errors]
   AND error IS :error -- [errors]
   AND CASE WHEN :error IS NOT NULL THEN substr(output, length(output) - length(:error) + 1) = :error -- [not errors]
            ELSE :keep OR output IS :output END -- [not errors]
