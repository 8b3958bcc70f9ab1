-- Counts rows. `statuses` is a list of numbers with commas; none: all of them.
-- Params: statuses, task, queue, worker, since, until, error
-- Returns: count
SELECT COUNT(*) AS count
  FROM {table}
 WHERE (:statuses = '' OR FIND_IN_SET(status, :statuses))
   AND (:task IS NULL OR CONVERT(task USING utf8mb4) COLLATE utf8mb4_bin LIKE :task ESCAPE '|')
   AND (:queue IS NULL OR queue = :queue) -- [migrated]
   AND (:worker IS NULL OR CONVERT(TRIM(claimed_by) USING utf8mb4) COLLATE utf8mb4_bin LIKE :worker ESCAPE '|') -- [migrated]
   AND (:since IS NULL OR modified >= :since)
   AND (:until IS NULL OR modified < :until)
   AND (:error IS NULL OR LOCATE(LOWER(:error), LOWER(CONVERT(error USING utf8mb4)) COLLATE utf8mb4_bin) > 0) -- [errors]
   AND (:error IS NULL OR LOCATE(LOWER(:error), LOWER(CONVERT(output USING utf8mb4)) COLLATE utf8mb4_bin) > 0) -- [not errors]
