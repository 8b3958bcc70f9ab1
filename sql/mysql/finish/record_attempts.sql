-- Keeps what `end_attempts` has just written, in the same transaction. A number is one more than the last of that task,
-- which nobody else writes while its row is locked. The key is char(32) there, whatever the task's id is.
-- `rows` is what `end_attempts` was given.
-- Params: rows
-- Returns: nothing
INSERT INTO {attempts} (task_id, number, outcome, error, log, worker, started, ended)
SELECT d.task_id,
       (SELECT COALESCE(MAX(a.number), 0) + 1 FROM {attempts} AS a WHERE a.task_id = d.task_id),
       CASE WHEN d.lost THEN 'lost' WHEN d.status = 2 THEN 'completed' ELSE 'failed' END,
       d.error,
       d.log, -- [not errors]
       IF(d.lost, -- [errors]
          NULLIF(CONVERT(t.log USING utf8mb4) COLLATE utf8mb4_bin, -- [errors]
                 (SELECT CONVERT(a.log USING utf8mb4) COLLATE utf8mb4_bin FROM {attempts} AS a -- [errors]
                   WHERE a.task_id = d.task_id ORDER BY a.number DESC LIMIT 1)), -- [errors]
          d.log), -- [errors]
       NULLIF(TRIM(t.claimed_by), '') AS claimed_by,
       t.started,
       t.modified
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
           id {id_type} PATH '$.id',
           task_id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
           status integer PATH '$.status',
           lost integer PATH '$.lost',
           error longtext CHARACTER SET utf8mb4 PATH '$.error' ERROR ON ERROR,
           log longtext CHARACTER SET utf8mb4 PATH '$.log' ERROR ON ERROR
       )) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
