-- Reads rows by id.
-- Params: ids
-- Returns: id, created, modified, task, args, status, output, error, log, worker_pid, queue, priority, run_after, attempt, max_attempts, claimed_by, started, links, limit_key
SELECT id, created, modified, task, args, status, output
       , error, log, worker_pid -- [errors]
       , NULL::text AS error, NULL::text AS log, NULL::integer AS worker_pid -- [not errors]
       , queue, priority, run_after, attempt, max_attempts, claimed_by, started -- [migrated]
       , links, limit_key -- [linked]
  FROM {table}
 WHERE id = ANY (:ids::uuid[])
