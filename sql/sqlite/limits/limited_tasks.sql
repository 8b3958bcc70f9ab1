-- What has become of a task that has a slot under a limit, or waits for one: when it was last claimed, and renewed by
-- asyncqueue, and how many of its attempts have failed; if it is set aside until there is a slot, which limit it comes under.
-- Params: task_id
-- Returns: id, status, started, limit_key, renewed, attempt
SELECT id, status, started,
       CASE WHEN status = 5 AND run_after IS NULL AND links & 3 = 1 THEN task || coalesce(':' || limit_key, '') END AS limit_key,
       coalesce(renewed, started) AS renewed, attempt
  FROM {table}
 WHERE id = :task_id
