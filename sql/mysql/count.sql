-- Counts rows. `statuses` is a list of numbers with commas; none: all of them.
-- Params: statuses, task
-- Returns: count
SELECT COUNT(*) AS count
  FROM {table}
 WHERE (:statuses = '' OR FIND_IN_SET(status, :statuses))
   AND (:task IS NULL OR CONVERT(task USING utf8mb4) COLLATE utf8mb4_bin = :task)
