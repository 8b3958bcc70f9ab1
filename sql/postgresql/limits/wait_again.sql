-- Lets what `orphaned_waiters` has found wait for a slot anew: it is due now.
-- Params: task_ids
-- Returns: nothing
UPDATE {table}
   SET run_after = statement_timestamp()
 WHERE id = ANY (:task_ids::uuid[])
   AND status + 0 = 5
   AND run_after IS NULL
   AND links & 3 = 1
