-- Under which limits these tasks have slots.
-- Params: task_id
-- Returns: limit_key
SELECT limit_key FROM {limited} WHERE task_id = :task_id AND state = 1
