-- Closes edges: their predecessors have ended.
-- Params: ids, predecessor_ids
-- Returns: nothing
UPDATE {edges} AS e
   SET open = 0
  FROM unnest(:ids::uuid[], :predecessor_ids::uuid[]) AS d (id, predecessor_id)
 WHERE e.task_id = d.id
   AND e.predecessor_id = d.predecessor_id
   AND e.open = 1
