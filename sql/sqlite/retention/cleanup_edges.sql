-- Deletes what tasks that are gone have waited for. After `cleanup` it is in the same transaction. `ids` is a JSON array.
-- Params: ids
-- Returns: nothing
DELETE FROM {edges}
 WHERE task_id IN (SELECT value FROM json_each(:ids))
