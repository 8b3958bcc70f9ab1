-- Under which limits these tasks have slots.
-- `rows` is JSON, because there are no arrays: objects with task_id.
-- Params: rows
-- Returns: limit_key
SELECT DISTINCT e.limit_key
  FROM (
           SELECT task_id
             FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
                      task_id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$.task_id'
                  )) AS j
       ) AS d
       STRAIGHT_JOIN {limited} AS e FORCE INDEX (task_id) ON e.task_id = d.task_id
 WHERE e.state = 1
