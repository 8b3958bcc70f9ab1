-- The PIDs of other workers on rows in progress (asked of the 10-column table only). On a migrated table those of
-- asyncqueue's own workers are left out: `renewed` tells their rows, and none of them reads the column.
-- Params: own
-- Returns: worker_pid
SELECT DISTINCT worker_pid
  FROM {table}
 WHERE status = 1
   AND worker_pid <> :own
   AND renewed IS DISTINCT FROM modified -- [migrated]
