-- Takes from tasks that `put_off` has scheduled in the same transaction the slots that they had under a limit. A claim that
-- found no function is not a start, so the slot counts in no rate.
-- `rows` is JSON, because there are no arrays: objects with task_id.
-- Params: rows
-- Returns: nothing
DELETE e
  FROM (
           SELECT id, task_id
             FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
                      id {id_type} PATH '$.task_id',
                      task_id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$.task_id'
                  )) AS j
       ) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
       STRAIGHT_JOIN {limited} AS e FORCE INDEX (task_id) ON e.task_id = d.task_id
 WHERE e.state = 1
   AND t.status = 5
   AND t.links & 16 <> 0
