-- What has become of tasks that have a place under a limit, or wait for one: when each was last claimed, in seconds from
-- now, and for one that is set aside until there is a place, which limit that comes under.
-- Params: task_ids
-- Returns: id, status, started, limit_key
SELECT id, status,
       extract(epoch FROM statement_timestamp() - started)::float8 AS started,
       CASE WHEN status = 5 AND run_after IS NULL AND links & 3 = 1 THEN concat_ws(':', task, limit_key) END AS limit_key
  FROM {table}
 WHERE id = ANY (:task_ids::uuid[])
