-- The open edges of tasks that wait, a batch in the order of their predecessors. `ids` is a JSON array. CROSS JOIN is the
-- order in which SQLite reads: else it would read all open edges there are, since they stand in that order.
-- Params: ids, after, after_task, limit
-- Returns: task_id, predecessor_id, on_failure
SELECT e.task_id, e.predecessor_id, e.on_failure
  FROM json_each(:ids) AS d
 CROSS JOIN {edges} AS e
 WHERE e.task_id = d.value
   AND e.open = 1
   AND (e.predecessor_id, e.task_id) > (:after, :after_task)
 ORDER BY e.predecessor_id, e.task_id
 LIMIT :limit
