-- Deletes what tasks that are gone have waited for.
-- Params: ids
-- Returns: nothing
DELETE FROM {edges} WHERE task_id = ANY (:ids::uuid[])
