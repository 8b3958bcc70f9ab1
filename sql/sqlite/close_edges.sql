-- Closes edges: their predecessors have ended. `rows` is a JSON array of objects with id, predecessor_id.
-- Params: rows
-- Returns: nothing
UPDATE {edges} AS e
   SET open = 0
  FROM (
           SELECT json_extract(value, '$.id') AS id, json_extract(value, '$.predecessor_id') AS predecessor_id
             FROM json_each(:rows)
       ) AS d
 WHERE e.task_id = d.id
   AND e.predecessor_id = d.predecessor_id
   AND e.open = 1
