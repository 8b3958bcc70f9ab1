-- The places under limits, and who waits for one, the next ones in the order in which they came: for a sweep.
-- Params: after, count
-- Returns: id, limit_key, task_id, state, admitted, noted, queue
SELECT id, limit_key, task_id, state,
       TIMESTAMPDIFF(MICROSECOND, admitted_at, UTC_TIMESTAMP(6)) / 1e6 AS admitted,
       TIMESTAMPDIFF(MICROSECOND, started_at, UTC_TIMESTAMP(6)) / 1e6 AS noted, queue
  FROM {limited}
 WHERE id > :after
 ORDER BY id
 LIMIT :count
