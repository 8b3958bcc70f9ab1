-- Reads rows, the latest changed first. `statuses` is a list of numbers with commas; none: all of them.
-- Params: statuses, task, limit, offset
-- Returns: id, created, modified, task, args, status, output, error, log, worker_pid, queue, priority, run_after, attempt, max_attempts, claimed_by, started, links, limit_key
SELECT id, created, modified, task, args, status, output
       , error, log, worker_pid -- [errors]
       , NULL AS error, NULL AS log, NULL AS worker_pid -- [not errors]
       , queue, priority, run_after, attempt, max_attempts, NULLIF(TRIM(claimed_by), '') AS claimed_by, started -- [migrated]
       , links, limit_key -- [linked]
  FROM {table}
 WHERE (:statuses = '' OR FIND_IN_SET(status, :statuses))
   AND (:task IS NULL OR CONVERT(task USING utf8mb4) COLLATE utf8mb4_bin = :task)
 ORDER BY modified DESC, id
 LIMIT :limit
OFFSET :offset
