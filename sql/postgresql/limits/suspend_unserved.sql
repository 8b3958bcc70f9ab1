-- Sets queued tasks aside again that have a slot under a limit and are in a queue that nobody claims from. One that has
-- been claimed meanwhile keeps its slot. Locked in an order that is the same for all.
-- Params: task_ids
-- Returns: nothing
WITH queued AS MATERIALIZED (
    SELECT id FROM {table} WHERE id = ANY (:task_ids::uuid[]) AND status + 0 = 0 AND links & 3 = 1 ORDER BY id FOR NO KEY UPDATE
)
UPDATE {table} AS t
   SET status = 5,
       run_after = NULL,
       modified = statement_timestamp()
  FROM queued
 WHERE t.id = queued.id
