-- Who each of these unique keys is noted for. `unique_keys` is a JSON array.
-- Params: unique_keys
-- Returns: unique_key, task_id, held_for
SELECT unique_key, task_id, held_for
  FROM {keys}
 WHERE unique_key IN (SELECT value FROM json_each(:unique_keys))
