-- Deletes what was kept of the attempts of tasks that are gone.
-- Params: ids
-- Returns: nothing
DELETE FROM {attempts} WHERE task_id = ANY (:ids::uuid[])
