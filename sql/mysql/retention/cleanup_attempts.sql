-- Deletes what was kept of the attempts of tasks that are gone, or that `cleanup` deletes in the same transaction.
-- The key is char(32) here, whatever the task's id is.
-- Params: ids
-- Returns: nothing
DELETE a
  FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS d
       STRAIGHT_JOIN {attempts} AS a FORCE INDEX (PRIMARY) ON a.task_id = d.id
