-- Level 1: the rows in progress whose worker stopped renewing them. asyncqueue's own, where `modified` is `renewed`, or
-- `started` before the first renewal, before `cutoff`; a Django worker's, or one of asyncqueue from before the migration,
-- before `foreign_cutoff` (NULL: never). Those of ours whose task is among `unknown`, a JSON array, or whose worker still
-- beats by the lease that it has listed, wait for both. What becomes of each is decided then, and `still_expired` looks once
-- more. Cut-offs are in the table's zone; `latest` is the later one of the two, for the index.
-- Params: lease, cutoff, foreign_cutoff, latest, unknown, limit, now_utc
-- Returns: id, task, worker_pid, token, ours, attempt, losses, claimed_by, started, queue
SELECT id, task,
       worker_pid, -- [errors]
       NULL AS worker_pid, -- [not errors]
       modified AS token, coalesce(renewed, started) IS modified AS ours, attempt, losses, claimed_by, started, queue
  FROM {table} AS t
 WHERE status = 1
   AND modified < :latest
   AND (coalesce(renewed, t.started) IS modified AND task NOT IN (SELECT value FROM json_each(:unknown))
            AND NOT EXISTS (SELECT 1 FROM {workers} AS w
                             WHERE w.name = t.claimed_by
                               AND (julianday(:now_utc) - julianday(w.beat)) * 86400.0 < coalesce(w.lease, :lease))
        OR modified < :foreign_cutoff)
   AND (coalesce(renewed, started) IS NOT modified OR modified < :cutoff)
 ORDER BY modified
 LIMIT :limit
