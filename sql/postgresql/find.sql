-- Reads rows, the latest changed first. No statuses: all of them.
-- Params: statuses, task, limit, offset
-- Returns: id, created, modified, task, args, status, output, error, log, worker_pid, queue, priority, run_after, attempt, max_attempts, claimed_by, started, links, limit_key
SELECT id, created, modified, task, args, status, output
       , error, log, worker_pid -- [errors]
       , NULL::text AS error, NULL::text AS log, NULL::integer AS worker_pid -- [not errors]
       , queue, priority, run_after, attempt, max_attempts, claimed_by, started -- [migrated]
       , links, limit_key -- [linked]
  FROM {table}
 WHERE (cardinality(:statuses::int[]) = 0 OR status = ANY (:statuses::int[]))
   AND (:task::text IS NULL OR task = :task::text)
 ORDER BY modified DESC, id
 LIMIT :limit
OFFSET :offset
