-- Those of these tasks that have something left to wait for. `ids` is a JSON array.
-- Params: ids
-- Returns: task_id
SELECT d.value AS task_id
  FROM json_each(:ids) AS d
 WHERE EXISTS (SELECT 1 FROM {edges} AS e WHERE e.task_id = d.value AND e.open = 1)
