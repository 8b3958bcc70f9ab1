-- A batch of the open edges to tasks that have ended: these are closed then, and so the next batch has others.
-- The keys are char(32) here, whatever the tasks' ids are.
-- Params: ids, limit
-- Returns: task_id, predecessor_id, on_failure
SELECT e.task_id, e.predecessor_id, e.on_failure
  FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS d
       STRAIGHT_JOIN {edges} AS e FORCE INDEX (awaited) ON e.open = 1 AND e.predecessor_id = d.id
 LIMIT :limit
