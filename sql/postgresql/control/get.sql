-- Reads rows by id.
-- Times that Python cannot hold are given as the earliest or the latest that it can.
-- Params: ids
-- Returns: id, created, modified, task, args, status, output, error, log, worker_pid, queue, priority, run_after, attempt, max_attempts, claimed_by, started, links, limit_key
SELECT id
       , CASE WHEN created < '0001-01-02Z'::timestamptz THEN '0001-01-02Z'::timestamptz
              WHEN created > '9999-12-30Z'::timestamptz THEN '9999-12-30Z'::timestamptz ELSE created END AS created
       , CASE WHEN modified < '0001-01-02Z'::timestamptz THEN '0001-01-02Z'::timestamptz
              WHEN modified > '9999-12-30Z'::timestamptz THEN '9999-12-30Z'::timestamptz ELSE modified END AS modified
       , task, args, status, output
       , error, log, worker_pid -- [errors]
       , NULL::text AS error, NULL::text AS log, NULL::integer AS worker_pid -- [not errors]
       , queue, priority -- [migrated]
       , CASE WHEN run_after < '0001-01-02Z'::timestamptz THEN '0001-01-02Z'::timestamptz -- [migrated]
              WHEN run_after > '9999-12-30Z'::timestamptz THEN '9999-12-30Z'::timestamptz ELSE run_after END AS run_after -- [migrated]
       , attempt, max_attempts, claimed_by -- [migrated]
       , CASE WHEN started < '0001-01-02Z'::timestamptz THEN '0001-01-02Z'::timestamptz -- [migrated]
              WHEN started > '9999-12-30Z'::timestamptz THEN '9999-12-30Z'::timestamptz ELSE started END AS started -- [migrated]
       , links, limit_key -- [migrated]
  FROM {table}
 WHERE id = ANY (:ids::uuid[])
