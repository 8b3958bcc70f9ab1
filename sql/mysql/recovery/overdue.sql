-- Level 1: the rows in progress whose worker stopped renewing them. asyncqueue's own, where `renewed` is what `modified` is,
-- before `cutoff`; a Django worker's, or one of asyncqueue from before the migration, before `foreign_cutoff` (NULL:
-- never). Those of ours whose task is among `unknown`, a JSON array, or whose worker still beats by the lease that it has
-- listed, wait for both. Nothing is locked: what becomes of each is decided then, and `still_expired` looks once more. `latest`
-- is the later one of the two, for the index. Names are compared byte by byte, because the columns' collations may differ.
-- Params: lease, cutoff, foreign_cutoff, latest, unknown, limit
-- Returns: id, task, worker_pid, token, ours, attempt, losses, claimed_by, started, queue
SELECT id,
       task,
       worker_pid, -- [errors]
       NULL AS worker_pid, -- [not errors]
       modified AS token,
       renewed <=> modified AS ours,
       attempt,
       losses,
       NULLIF(TRIM(claimed_by), '') AS claimed_by,
       started,
       queue
  FROM {table} AS t
       FORCE INDEX ({bucket_index}) -- [indexed]
 WHERE status = 1
   AND modified < :latest
   AND (renewed <=> modified AND NOT JSON_CONTAINS(:unknown, JSON_QUOTE(task))
            AND NOT EXISTS (SELECT 1 FROM {workers} AS w
                             WHERE CAST(w.name AS BINARY) = CAST(t.claimed_by AS BINARY)
                               AND w.beat > UTC_TIMESTAMP(6) - INTERVAL ROUND(COALESCE(w.lease, :lease) * 1000000) MICROSECOND)
        OR modified < :foreign_cutoff)
   AND (NOT (renewed <=> modified) OR modified < :cutoff)
 ORDER BY modified
 LIMIT :limit
