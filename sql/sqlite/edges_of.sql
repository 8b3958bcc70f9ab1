-- The open edges of tasks that wait, a batch in the order of their predecessors. `ids` is a JSON array.
-- Params: ids, after, after_task, limit
-- Returns: task_id, predecessor_id, on_failure
SELECT task_id, predecessor_id, on_failure
  FROM {edges}
 WHERE task_id IN (SELECT value FROM json_each(:ids))
   AND open = 1
   AND (predecessor_id, task_id) > (:after, :after_task)
 ORDER BY predecessor_id, task_id
 LIMIT :limit
