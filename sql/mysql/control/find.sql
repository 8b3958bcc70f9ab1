-- Reads rows, the latest changed first. `statuses` is a list of numbers with commas; none: all of them.
-- Params: statuses, task, queue, worker, since, until, error, limit, offset
-- Returns: id, created, modified, task, args, status, output, error, log, worker_pid, queue, priority, run_after, attempt, max_attempts, claimed_by, started, links, limit_key
SELECT id, created, modified, task, args, status, output
       , error, log, worker_pid -- [errors]
       , NULL AS error, NULL AS log, NULL AS worker_pid -- [not errors]
       , queue, priority, run_after, attempt, max_attempts, NULLIF(TRIM(claimed_by), '') AS claimed_by, started -- [migrated]
       , links, limit_key -- [migrated]
  FROM {table}
 WHERE (:statuses = '' OR FIND_IN_SET(status, :statuses))
   AND (:task IS NULL OR CONVERT(task USING utf8mb4) COLLATE utf8mb4_bin LIKE :task ESCAPE '|')
   AND (:queue IS NULL OR queue = :queue) -- [migrated]
   AND (:worker IS NULL OR CONVERT(TRIM(claimed_by) USING utf8mb4) COLLATE utf8mb4_bin LIKE :worker ESCAPE '|') -- [migrated]
   AND (:since IS NULL OR modified >= :since)
   AND (:until IS NULL OR modified < :until)
   AND (:error IS NULL OR LOCATE(LOWER(:error), LOWER(CONVERT(error USING utf8mb4)) COLLATE utf8mb4_bin) > 0) -- [errors]
   AND (:error IS NULL OR LOCATE(LOWER(:error), LOWER(CONVERT(output USING utf8mb4)) COLLATE utf8mb4_bin) > 0) -- [not errors]
 ORDER BY modified DESC, id
 LIMIT :limit
OFFSET :offset
