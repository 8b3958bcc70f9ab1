-- The slots under these limits that are taken, or count in a rate: how many seconds ago each was given, and when its
-- task was seen to have started. `read_at` is the instant from which ages count, in seconds since 1970.
-- Params: states, limit_keys
-- Returns: id, limit_key, task_id, state, admitted, noted, queue, read_at
SELECT e.id, e.limit_key, e.task_id, e.state,
       extract(epoch FROM statement_timestamp() - e.admitted_at)::float8 AS admitted,
       extract(epoch FROM statement_timestamp() - e.started_at)::float8 AS noted, e.queue,
       extract(epoch FROM statement_timestamp())::float8 AS read_at
  FROM unnest(:states::int[], :limit_keys::text[]) AS d (state, limit_key)
  JOIN {limited} AS e ON e.state = d.state AND e.limit_key = d.limit_key
