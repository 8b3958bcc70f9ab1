-- Counts failed rows by task and by the first line of their error, the most frequent first. On the 7-column table the
-- text of an error follows the output.
-- Params: task, queue, worker, since, until, error, limit
-- Returns: path, reason, count, latest
SELECT CONVERT(task USING utf8mb4) COLLATE utf8mb4_bin AS path,
       CONVERT(LEFT(SUBSTRING_INDEX(error, CHAR(10), 1), 200) USING utf8mb4) COLLATE utf8mb4_bin AS reason, -- [errors]
       CONVERT(LEFT(SUBSTRING_INDEX(output, CHAR(10), 1), 200) USING utf8mb4) COLLATE utf8mb4_bin AS reason, -- [not errors]
       COUNT(*) AS count, MAX(modified) AS latest
  FROM {table}
 WHERE status = 3
   AND (:task IS NULL OR CONVERT(task USING utf8mb4) COLLATE utf8mb4_bin LIKE :task ESCAPE '|')
   AND (:queue IS NULL OR queue = :queue) -- [migrated]
   AND (:worker IS NULL OR CONVERT(TRIM(claimed_by) USING utf8mb4) COLLATE utf8mb4_bin LIKE :worker ESCAPE '|') -- [migrated]
   AND (:since IS NULL OR modified >= :since)
   AND (:until IS NULL OR modified < :until)
   AND (:error IS NULL OR LOCATE(LOWER(:error), LOWER(CONVERT(error USING utf8mb4)) COLLATE utf8mb4_bin) > 0) -- [errors]
   AND (:error IS NULL OR LOCATE(LOWER(:error), LOWER(CONVERT(output USING utf8mb4)) COLLATE utf8mb4_bin) > 0) -- [not errors]
 GROUP BY path, reason
 ORDER BY count DESC, latest DESC
 LIMIT :limit
