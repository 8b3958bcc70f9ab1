-- Reads rows, the latest changed first. No statuses: all of them. `statuses` is a JSON array.
-- Params: statuses, task, queue, worker, since, until, error, limit, offset
-- Returns: id, created, modified, task, args, status, output, error, log, worker_pid, queue, priority, run_after, attempt, max_attempts, claimed_by, started, links, limit_key
SELECT id, created, modified, task, args, status, output
       , error, log, worker_pid -- [errors]
       , NULL AS error, NULL AS log, NULL AS worker_pid -- [not errors]
       , queue, priority, run_after, attempt, max_attempts, claimed_by, started -- [migrated]
       , links, limit_key -- [migrated]
  FROM {table}
 WHERE (json_array_length(:statuses) = 0 OR status IN (SELECT value FROM json_each(:statuses)))
   AND (:task IS NULL OR task GLOB :task)
   AND (:queue IS NULL OR queue = :queue) -- [migrated]
   AND (:worker IS NULL OR claimed_by GLOB :worker) -- [migrated]
   AND (:since IS NULL OR modified >= :since)
   AND (:until IS NULL OR modified < :until)
   AND (:error IS NULL OR instr(lower(error), lower(:error)) > 0) -- [errors]
   AND (:error IS NULL OR instr(lower(output), lower(:error)) > 0) -- [not errors]
 ORDER BY modified DESC, id
 LIMIT :limit
OFFSET :offset
