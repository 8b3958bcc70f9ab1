-- Level 1: the rows in progress whose worker stopped renewing them. asyncqueue's own, where `renewed` is what `modified` is,
-- before `cutoff`; a Django worker's, or one of asyncqueue from before the migration, before `foreign_cutoff` (NULL:
-- never). What becomes of each is decided then, and written fenced by its token. Cut-offs are in the table's zone.
-- Params: cutoff, foreign_cutoff, limit
-- Returns: id, task, worker_pid, token, ours, attempt, losses, claimed_by, started
SELECT id, task,
       worker_pid, -- [errors]
       NULL AS worker_pid, -- [not errors]
       modified AS token, renewed IS modified AS ours, attempt, losses, claimed_by, started
  FROM {table}
 WHERE status = 1
   AND modified < :cutoff
   AND (renewed IS modified OR modified < :foreign_cutoff)
 ORDER BY modified
 LIMIT :limit
