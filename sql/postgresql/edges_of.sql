-- The open edges of tasks that wait, a batch in the order of their predecessors.
-- Params: ids, after, after_task, limit
-- Returns: task_id, predecessor_id, on_failure
SELECT task_id, predecessor_id, on_failure
  FROM {edges}
 WHERE task_id = ANY (:ids::uuid[])
   AND open = 1
   AND (predecessor_id, task_id) > (:after::uuid, :after_task::uuid)
 ORDER BY predecessor_id, task_id
 LIMIT :limit
