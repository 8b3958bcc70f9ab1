-- Level 1: the rows in progress whose worker stopped renewing them. asyncqueue's own, where `renewed` is what `modified` is,
-- after `lease` seconds; a Django worker's, or one of asyncqueue from before the migration, after `foreign_lease` (NULL:
-- never). Those of ours whose task is among `unknown` wait for both. Nothing is locked: what becomes of each is decided
-- then, and written fenced by its token.
-- Params: lease, foreign_lease, unknown, limit
-- Returns: id, task, worker_pid, token, ours, attempt, losses, claimed_by, started
SELECT id, task,
       worker_pid, -- [errors]
       NULL::integer AS worker_pid, -- [not errors]
       modified AS token, renewed IS NOT DISTINCT FROM modified AS ours, attempt, losses, claimed_by, started
  FROM {table}
 WHERE status = 1
   AND modified < statement_timestamp() - least(:lease::float8, :foreign_lease::float8) * interval '1 second'
   AND (renewed IS NOT DISTINCT FROM modified AND task <> ALL (:unknown::text[])
        OR modified < statement_timestamp() - :foreign_lease::float8 * interval '1 second')
   AND (renewed IS DISTINCT FROM modified
        OR modified < statement_timestamp() - :lease::float8 * interval '1 second')
 ORDER BY modified
 LIMIT :limit
