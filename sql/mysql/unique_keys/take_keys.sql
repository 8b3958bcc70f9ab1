-- Notes unique keys as other tasks' now, under the locks of `hold_keys`.
-- Params: rows
-- Returns: nothing
UPDATE JSON_TABLE(CONVERT(:rows USING utf8mb4), '$[*]' COLUMNS (
           unique_key varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.unique_key',
           id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
           held_for double PATH '$.held_for'
       )) AS d
       STRAIGHT_JOIN {keys} AS k FORCE INDEX (PRIMARY) ON k.unique_key = d.unique_key
   SET k.task_id = d.id,
       k.held_for = d.held_for
