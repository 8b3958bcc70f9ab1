-- The open edges of tasks that wait, a batch in the order of their predecessors. OFFSET 0 keeps the planner from anything
-- but the index that begins with the task, whatever it believes of the table.
-- Params: ids, after, after_task, limit
-- Returns: task_id, predecessor_id, on_failure
SELECT e.task_id, e.predecessor_id, e.on_failure
  FROM unnest(:ids::uuid[]) AS d (id)
 CROSS JOIN LATERAL (
           SELECT task_id, predecessor_id, on_failure FROM {edges} WHERE task_id = d.id AND open = 1 OFFSET 0
       ) AS e
 WHERE (e.predecessor_id, e.task_id) > (:after::uuid, :after_task::uuid)
 ORDER BY e.predecessor_id, e.task_id
 LIMIT :limit
