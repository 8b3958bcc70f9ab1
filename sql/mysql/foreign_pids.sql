-- The PIDs of other workers on rows in progress (asked of the 10-column table only).
-- Params: own
-- Returns: worker_pid
SELECT DISTINCT worker_pid
  FROM {table}
 WHERE status = 1
   AND worker_pid <> :own
