-- Deletes what tasks that are gone have waited for, or that `cleanup` deletes in the same transaction.
-- The key is char(32) here, whatever the task's id is.
-- Params: ids
-- Returns: nothing
DELETE e
  FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS d
       STRAIGHT_JOIN {edges} AS e FORCE INDEX (PRIMARY) ON e.task_id = d.id
