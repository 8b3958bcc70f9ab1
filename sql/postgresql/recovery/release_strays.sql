-- Level 1: queues rows again that were claimed in a worker's own name and that it does not hold: the reply to their claim was
-- lost, and they have not begun. Nobody has renewed them for `lease` seconds. They keep the time of their claim as their place in
-- the queue: the place that they had is not known any more. Rows that others have locked are left
-- for the next time.
-- Params: worker, held, lease
-- Returns: id
WITH stray AS MATERIALIZED (
    SELECT id
      FROM {table}
     WHERE status = 1
       AND claimed_by = :worker
       AND renewed = modified
       AND modified <= statement_timestamp() - :lease::float8 * interval '1 second'
       AND id <> ALL (:held::uuid[])
       FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE {table} AS t
   SET status = 0
       , worker_pid = NULL -- [errors]
  FROM stray
 WHERE t.id = stray.id
RETURNING t.id
