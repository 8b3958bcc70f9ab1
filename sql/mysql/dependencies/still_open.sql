-- Those of these tasks that have something left to wait for. The keys are char(32) here, whatever the tasks' ids are.
-- Params: ids
-- Returns: task_id
SELECT d.id AS task_id
  FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS d
 WHERE EXISTS (SELECT 1 FROM {edges} AS e FORCE INDEX (waits) WHERE e.task_id = d.id AND e.open = 1)
