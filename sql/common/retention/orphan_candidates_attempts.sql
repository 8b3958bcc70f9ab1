-- Reads tasks of which attempts are kept, a batch in the order of their ids.
-- Params: after, limit
-- Returns: task_id
SELECT DISTINCT task_id
  FROM {attempts}
 WHERE task_id > :after
 ORDER BY task_id
 LIMIT :limit
