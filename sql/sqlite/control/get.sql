-- Reads rows by id. `ids` is a JSON array.
-- Params: ids
-- Returns: id, created, modified, task, args, status, output, error, log, worker_pid, queue, priority, run_after, attempt, max_attempts, claimed_by, started, links, limit_key
SELECT id, created, modified, task, args, status, output
       , error, log, worker_pid -- [errors]
       , NULL AS error, NULL AS log, NULL AS worker_pid -- [not errors]
       , queue, priority, run_after, attempt, max_attempts, claimed_by, started -- [migrated]
       , links, limit_key -- [migrated]
  FROM {table}
 WHERE id IN (SELECT value FROM json_each(:ids))
