-- The open edges of tasks that wait, a batch in the order of their predecessors.
-- The keys are char(32) here, whatever the tasks' ids are.
-- Params: ids, after, after_task, limit
-- Returns: task_id, predecessor_id, on_failure
SELECT e.task_id, e.predecessor_id, e.on_failure
  FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS d
       STRAIGHT_JOIN {edges} AS e FORCE INDEX (waits) ON e.task_id = d.id AND e.open = 1
 WHERE (e.predecessor_id > :after OR (e.predecessor_id = :after AND e.task_id > :after_task))
 ORDER BY e.predecessor_id, e.task_id
 LIMIT :limit
