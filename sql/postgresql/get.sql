-- Reads rows by id.
-- Params: ids
-- Returns: id, created, modified, task, args, status, output, error, log, worker_pid
SELECT id, created, modified, task, args, status, output
       , error, log, worker_pid -- [errors]
       , NULL::text AS error, NULL::text AS log, NULL::integer AS worker_pid -- [not errors]
  FROM {table}
 WHERE id = ANY (:ids::uuid[])
