-- The rows that workers stopped renewing, read for `rescue` in the same transaction. `cutoff` is the host's clock
-- less the lease, in the table's time zone. The rows that the rescuer itself holds, `still_claimed`, a JSON array of ids, are left out.
-- `skip` passes over the oldest ones, which the database refuses to have changed (`backends/common/rescue.py`).
-- Params: cutoff, limit, skip, held
-- Returns: id, task, worker_pid
SELECT id,
       task,
       worker_pid -- [errors]
       NULL AS worker_pid -- [not errors]
  FROM {table}
 WHERE status = 1
   AND modified < :cutoff
   AND id NOT IN (SELECT value FROM json_each(:held))
 ORDER BY modified
 LIMIT :limit OFFSET :skip
