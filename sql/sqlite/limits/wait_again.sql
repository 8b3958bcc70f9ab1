-- Lets what `orphaned_waiters` has found wait for a slot anew: it is due now.
-- Params: task_id, now_utc
-- Returns: nothing
UPDATE {table}
   SET run_after = :now_utc
 WHERE status = 5
   AND run_after IS NULL
   AND links & 3 = 1
   AND id BETWEEN :task_id AND :task_id
