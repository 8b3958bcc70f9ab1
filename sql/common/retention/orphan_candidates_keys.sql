-- Reads unique keys, a batch in their order.
-- Params: after, limit
-- Returns: unique_key, task_id, held_for
SELECT unique_key, task_id, held_for
  FROM {keys}
 WHERE unique_key > :after
 ORDER BY unique_key
 LIMIT :limit
