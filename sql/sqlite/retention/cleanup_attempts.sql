-- Deletes what was kept of the attempts of tasks that are gone. After `cleanup` it is in the same transaction.
-- `ids` is a JSON array.
-- Params: ids
-- Returns: nothing
DELETE FROM {attempts}
 WHERE task_id IN (SELECT value FROM json_each(:ids))
