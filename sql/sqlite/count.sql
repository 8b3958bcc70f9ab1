-- Counts rows. No statuses: all of them. `statuses` is a JSON array.
-- Params: statuses, task
-- Returns: count
SELECT count(*) AS count
  FROM {table}
 WHERE (json_array_length(:statuses) = 0 OR status IN (SELECT value FROM json_each(:statuses)))
   AND (:task IS NULL OR task = :task)
