-- Closes edges: their predecessors have ended.
-- `rows` is JSON, because there are no arrays: objects with id, predecessor_id.
-- Params: rows
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (
           id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
           predecessor_id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$.predecessor_id'
       )) AS d
       STRAIGHT_JOIN {edges} AS e FORCE INDEX (PRIMARY) ON e.task_id = d.id AND e.predecessor_id = d.predecessor_id
   SET e.open = 0
 WHERE e.open = 1
