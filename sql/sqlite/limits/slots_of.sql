-- Under which limits these tasks have places.
-- Params: task_id
-- Returns: limit_key
SELECT limit_key FROM {limited} WHERE task_id = :task_id AND state = 1
