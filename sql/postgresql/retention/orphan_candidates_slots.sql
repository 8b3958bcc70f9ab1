-- The places under limits, and who waits for one, the next ones in the order in which they came: for a sweep. `read_at` is
-- the instant from which ages count, in seconds since 1970.
-- Params: after, count
-- Returns: id, limit_key, task_id, state, admitted, noted, queue, read_at
SELECT id, limit_key, task_id, state,
       extract(epoch FROM statement_timestamp() - admitted_at)::float8 AS admitted,
       extract(epoch FROM statement_timestamp() - started_at)::float8 AS noted, queue,
       extract(epoch FROM statement_timestamp())::float8 AS read_at
  FROM {limited}
 WHERE id > :after
 ORDER BY id
 LIMIT :count
