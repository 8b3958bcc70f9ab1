-- Takes rows away from workers that stopped renewing them: failed with a text, or queued again where there is none.
-- SKIP LOCKED lets exactly one of several rescuers have each row, without waiting.
-- The rows that the rescuer itself holds, `still_claimed`, are left out.
-- `skip` passes over the oldest ones, which the database refuses to have changed (`backends/common/rescue.py`).
-- A row without a time, from before the first year, is seen to by `fail_unreadable`.
-- Params: lease, error, limit, skip, held
-- Returns: id, task, worker_pid
WITH lost AS MATERIALIZED (
    SELECT id,
           worker_pid, -- [errors]
           NULL::integer AS worker_pid, -- [not errors]
           task
      FROM {table}
     WHERE status = 1
       AND modified >= '0001-01-02Z'::timestamptz
       AND modified < statement_timestamp() - :lease * interval '1 second'
       AND id <> ALL (:held::uuid[])
     ORDER BY modified
     LIMIT :limit OFFSET :skip
       FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE {table} AS t
   SET status = CASE WHEN :error::text IS NULL THEN 0 ELSE 3 END,
       worker_pid = NULL, -- [errors]
       error = coalesce(:error::text, t.error), -- [errors]
       output = CASE WHEN :error::text IS NULL THEN t.output ELSE coalesce(t.output, '') || :error::text END, -- [not errors]
       modified = statement_timestamp()
  FROM lost
 WHERE t.id = lost.id
RETURNING t.id, t.task, lost.worker_pid
