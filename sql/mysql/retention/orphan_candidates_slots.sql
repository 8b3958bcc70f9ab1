-- The places under limits, and who waits for one, the next ones in the order in which they came: for a sweep. `read_at` is
-- the instant from which ages count, in seconds since 1970.
-- Params: after, count
-- Returns: id, limit_key, task_id, state, admitted, noted, queue, read_at
SELECT id, limit_key, task_id, state,
       TIMESTAMPDIFF(MICROSECOND, admitted_at, UTC_TIMESTAMP(6)) / 1e6 AS admitted,
       TIMESTAMPDIFF(MICROSECOND, started_at, UTC_TIMESTAMP(6)) / 1e6 AS noted, queue,
       TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1e6 AS read_at
  FROM {limited}
 WHERE id > :after
 ORDER BY id
 LIMIT :count
