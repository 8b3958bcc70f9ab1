-- Lets what `orphaned_waiters` has found wait for a slot anew: it is due now.
-- `rows` is JSON, because there are no arrays: objects with task_id.
-- Params: rows
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (id {id_type} PATH '$.task_id')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.run_after = UTC_TIMESTAMP(6)
 WHERE t.status = 5
   AND t.run_after IS NULL
   AND t.links & 3 = 1
