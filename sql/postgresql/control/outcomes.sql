-- How tasks have ended, and what they have left.
-- Params: ids
-- Returns: id, task, status, output, error
SELECT id, task, status, output
       , error -- [errors]
       , NULL::text AS error -- [not errors]
  FROM {table}
 WHERE id = ANY (:ids::uuid[])
