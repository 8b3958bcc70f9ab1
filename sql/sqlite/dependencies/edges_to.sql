-- A batch of the open edges to tasks that have ended: these are closed then, and so the next batch has others.
-- `ids` is a JSON array.
-- Params: ids, limit
-- Returns: task_id, predecessor_id, on_failure
SELECT task_id, predecessor_id, on_failure
  FROM {edges}
 WHERE predecessor_id IN (SELECT value FROM json_each(:ids))
   AND open = 1
 LIMIT :limit
