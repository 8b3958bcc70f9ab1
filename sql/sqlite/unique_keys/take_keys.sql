-- Notes a unique key as another task's now.
-- Params: unique_key, id, held_for
-- Returns: nothing
UPDATE {keys}
   SET task_id = :id,
       held_for = :held_for
 WHERE unique_key = :unique_key
