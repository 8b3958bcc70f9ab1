-- A batch of the open edges to tasks that have ended: these are closed then, and so the next batch has others. The inner
-- LIMIT keeps the planner from anything but the index that begins with the predecessor, whatever it believes of the table.
-- Params: ids, limit
-- Returns: task_id, predecessor_id, on_failure
SELECT e.task_id, e.predecessor_id, e.on_failure
  FROM unnest(:ids::uuid[]) AS d (id)
 CROSS JOIN LATERAL (
           SELECT task_id, predecessor_id, on_failure
             FROM {edges}
            WHERE predecessor_id = d.id
              AND open = 1
            LIMIT :limit
       ) AS e
 LIMIT :limit
