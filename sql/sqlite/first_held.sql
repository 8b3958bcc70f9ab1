-- Who waits for a place under each of these limits, the first ones first.
-- Params: limit_key, count
-- Returns: id, limit_key, task_id
SELECT id, limit_key, task_id
  FROM {limited}
 WHERE state = 0
   AND limit_key = :limit_key
 ORDER BY precedence, id
 LIMIT :count
