-- Reads rows by id. `ids` is a JSON array.
-- Params: ids
-- Returns: id, created, modified, task, args, status, output, error, log, worker_pid
SELECT id, created, modified, task, args, status, output
       , error, log, worker_pid -- [errors]
       , NULL AS error, NULL AS log, NULL AS worker_pid -- [not errors]
  FROM {table}
 WHERE id IN (SELECT value FROM json_each(:ids))
