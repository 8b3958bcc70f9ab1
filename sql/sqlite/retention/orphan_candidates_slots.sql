-- The places under limits, and who waits for one, the next ones in the order in which they came: for a sweep.
-- Params: after, count
-- Returns: id, limit_key, task_id, state, admitted_at, started_at, queue
SELECT id, limit_key, task_id, state, admitted_at, started_at, queue
  FROM {limited}
 WHERE id > :after
 ORDER BY id
 LIMIT :count
