-- Queues a task that is set aside until there is a slot for it. One that is not any more, because somebody has cancelled
-- it, stays as it is.
-- Params: task_id, now
-- Returns: nothing
UPDATE {table} SET status = 0, modified = :now WHERE id = :task_id AND status = 5 AND run_after IS NULL
