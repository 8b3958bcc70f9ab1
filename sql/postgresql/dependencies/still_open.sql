-- Those of these tasks that have something left to wait for.
-- Params: ids
-- Returns: task_id
SELECT d.id AS task_id
  FROM unnest(:ids::uuid[]) AS d (id)
 WHERE EXISTS (SELECT FROM {edges} AS e WHERE e.task_id = d.id AND e.open = 1)
