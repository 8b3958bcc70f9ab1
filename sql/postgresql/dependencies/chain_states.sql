-- How tasks are that others wait for. What is missing is gone.
-- Params: ids
-- Returns: id, task, status, links
SELECT id, task, status, links
  FROM {table}
 WHERE id = ANY (:ids::uuid[])
