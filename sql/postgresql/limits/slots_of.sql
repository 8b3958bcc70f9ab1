-- Under which limits these tasks have slots.
-- Params: task_ids
-- Returns: limit_key
SELECT DISTINCT limit_key FROM {limited} WHERE task_id = ANY (:task_ids::uuid[]) AND state = 1
