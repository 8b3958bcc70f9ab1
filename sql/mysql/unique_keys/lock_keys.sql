-- Locks unique keys, as far as these tasks are their holders still, for `delete_keys` in the same transaction. It never
-- waits for one that an enqueue is taking. Unfolded in a subquery for the reason given in `lock`.
-- Params: rows
-- Returns: unique_key, task_id
SELECT k.unique_key, k.task_id
  FROM (SELECT unique_key, task_id
          FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
                   unique_key varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.unique_key',
                   task_id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id'
               )) AS j) AS d
       STRAIGHT_JOIN {keys} AS k FORCE INDEX (PRIMARY) ON k.unique_key = d.unique_key AND k.task_id = d.task_id
   FOR UPDATE SKIP LOCKED
