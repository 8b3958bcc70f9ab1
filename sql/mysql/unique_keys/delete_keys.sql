-- Deletes the unique keys that `lock_keys` has locked.
-- Params: rows
-- Returns: nothing
DELETE k
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
           unique_key varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.unique_key',
           task_id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id'
       )) AS d
       STRAIGHT_JOIN {keys} AS k FORCE INDEX (PRIMARY) ON k.unique_key = d.unique_key AND k.task_id = d.task_id
