-- Asked when `end_attempts` changed fewer rows than it was given: which of these attempts are recorded, because an earlier
-- try did commit and only its reply was lost. The time of its claim tells an attempt from the others of its task.
-- `rows` is JSON, because there are no arrays: objects with id, started.
-- Params: rows
-- Returns: id
SELECT a.task_id AS id
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
           id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
           started datetime(6) PATH '$.started'
       )) AS d
       STRAIGHT_JOIN {attempts} AS a ON a.task_id = d.id AND a.started = d.started
