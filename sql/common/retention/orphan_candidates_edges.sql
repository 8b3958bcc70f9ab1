-- Reads tasks of which it is kept what they have waited for, a batch in the order of their ids.
-- Params: after, limit
-- Returns: task_id
SELECT DISTINCT task_id
  FROM {edges}
 WHERE task_id > :after
 ORDER BY task_id
 LIMIT :limit
