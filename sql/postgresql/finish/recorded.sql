-- Asked when `end_attempts` changed fewer rows than it was given: which of these attempts are recorded, because an earlier
-- try did commit and only its reply was lost. The time of its claim tells an attempt from the others of its task.
-- Params: ids, starteds
-- Returns: id
SELECT a.task_id AS id
  FROM {attempts} AS a
  JOIN unnest(:ids::uuid[], :starteds::timestamptz[]) AS d (id, started) ON a.task_id = d.id AND a.started = d.started
