-- Reads rows by id.
-- Params: ids
-- Returns: id, created, modified, task, args, status, output, error, log, worker_pid
SELECT t.id, t.created, t.modified, t.task, t.args, t.status, t.output
       , t.error, t.log, t.worker_pid -- [errors]
       , NULL AS error, NULL AS log, NULL AS worker_pid -- [not errors]
  FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
