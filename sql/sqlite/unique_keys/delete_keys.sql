-- Deletes a unique key, as far as this task is its holder still.
-- Params: unique_key, id
-- Returns: nothing
DELETE FROM {keys} WHERE unique_key = :unique_key AND task_id = :id
