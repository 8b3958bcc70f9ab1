-- Level 1: the rows in progress whose worker stopped renewing them. asyncqueue's own, where `renewed` is what `modified` is,
-- after `lease` seconds; a Django worker's, or one of asyncqueue from before the migration, after `foreign_lease` (NULL:
-- never). Those of ours whose task is among `unknown`, or whose worker still beats by the lease that it has listed, wait for
-- both. Nothing is locked: what becomes of each is decided then, and `still_expired` looks once more.
-- A row without a time, from before the first year, is seen to by `fail_unreadable`: nothing can be reckoned with it.
-- Params: lease, foreign_lease, unknown, limit
-- Returns: id, task, worker_pid, token, ours, attempt, losses, claimed_by, started, silent, queue
SELECT id, task,
       worker_pid, -- [errors]
       NULL::integer AS worker_pid, -- [not errors]
       modified AS token, renewed IS NOT DISTINCT FROM modified AS ours, attempt, losses, claimed_by, started,
       extract(epoch FROM statement_timestamp() - modified)::float8 AS silent, queue
  FROM {table} AS t
 WHERE status = 1
   AND modified >= '0001-01-02Z'::timestamptz
   AND modified < statement_timestamp() - least(:lease::float8, :foreign_lease::float8) * interval '1 second'
   AND (renewed IS NOT DISTINCT FROM modified AND task <> ALL (:unknown::text[])
            AND NOT EXISTS (SELECT FROM {workers} AS w
                             WHERE w.name = t.claimed_by
                               AND w.beat > statement_timestamp() - coalesce(w.lease, :lease::float8) * interval '1 second')
        OR modified < statement_timestamp() - :foreign_lease::float8 * interval '1 second')
   AND (renewed IS DISTINCT FROM modified
        OR modified < statement_timestamp() - :lease::float8 * interval '1 second')
 ORDER BY modified
 LIMIT :limit
