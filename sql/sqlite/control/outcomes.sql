-- How tasks have ended, and what they have left. `ids` is a JSON array.
-- Params: ids
-- Returns: id, task, status, output, error
SELECT id, task, status, output
       , error -- [errors]
       , NULL AS error -- [not errors]
  FROM {table}
 WHERE id IN (SELECT value FROM json_each(:ids))
