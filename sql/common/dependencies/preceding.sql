-- What a task waits for or has waited for, a batch in the order that was given.
-- Params: id, after, limit
-- Returns: position, predecessor_id, open
SELECT position, predecessor_id, open
  FROM {edges}
 WHERE task_id = :id
   AND position > :after
 ORDER BY position
 LIMIT :limit
