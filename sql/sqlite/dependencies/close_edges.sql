-- Closes an edge: its predecessor has ended.
-- Params: id, predecessor_id
-- Returns: nothing
UPDATE {edges}
   SET open = 0
 WHERE task_id = :id
   AND predecessor_id = :predecessor_id
   AND open = 1
