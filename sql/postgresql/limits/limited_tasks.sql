-- What has become of tasks that have a slot under a limit, or wait for one: how many seconds ago each was last claimed, and
-- renewed by asyncqueue, and how many of its attempts have failed; for one that is set aside until there is a slot, which
-- limit that comes under. `read_at` is the instant from which ages count, in seconds since 1970.
-- Params: task_ids
-- Returns: id, status, started, limit_key, renewed, attempt, read_at
SELECT id, status,
       extract(epoch FROM statement_timestamp() - started)::float8 AS started,
       CASE WHEN status = 5 AND run_after IS NULL AND links & 3 = 1 THEN concat_ws(':', task, limit_key) END AS limit_key,
       extract(epoch FROM statement_timestamp() - renewed)::float8 AS renewed, attempt,
       extract(epoch FROM statement_timestamp())::float8 AS read_at
  FROM {table}
 WHERE id = ANY (:task_ids::uuid[])
