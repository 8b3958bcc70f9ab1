-- Sets a queued task aside again that has a slot under a limit and is in a queue that nobody claims from.
-- Params: task_id, now
-- Returns: nothing
UPDATE {table} SET status = 5, run_after = NULL, modified = :now
 WHERE status = 0 AND links & 3 = 1 AND id BETWEEN :task_id AND :task_id
