-- Reads rows, the latest changed first. No statuses: all of them. `statuses` is a JSON array.
-- Params: statuses, task, limit, offset
-- Returns: id, created, modified, task, args, status, output, error, log, worker_pid, queue, priority, run_after, attempt, max_attempts, claimed_by, started, links, limit_key
SELECT id, created, modified, task, args, status, output
       , error, log, worker_pid -- [errors]
       , NULL AS error, NULL AS log, NULL AS worker_pid -- [not errors]
       , queue, priority, run_after, attempt, max_attempts, claimed_by, started -- [migrated]
       , links, limit_key -- [linked]
  FROM {table}
 WHERE (json_array_length(:statuses) = 0 OR status IN (SELECT value FROM json_each(:statuses)))
   AND (:task IS NULL OR task = :task)
 ORDER BY modified DESC, id
 LIMIT :limit
OFFSET :offset
