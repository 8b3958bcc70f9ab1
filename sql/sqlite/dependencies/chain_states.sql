-- How tasks are that others wait for. What is missing is gone. `ids` is a JSON array.
-- Params: ids
-- Returns: id, task, status, links
SELECT id, task, status, links
  FROM {table}
 WHERE id IN (SELECT value FROM json_each(:ids))
