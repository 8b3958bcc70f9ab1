-- Counts failed rows by task and by the first line of their error, the most frequent first. On the 7-column table the
-- text of an error follows the output.
-- Params: task, queue, worker, since, until, error, limit
-- Returns: task, reason, count, latest
SELECT task,
       substr(error, 1, min(200, instr(error || char(10), char(10)) - 1)) AS reason, -- [errors]
       substr(output, 1, min(200, instr(output || char(10), char(10)) - 1)) AS reason, -- [not errors]
       count(*) AS count, max(modified) AS latest
  FROM {table}
 WHERE status = 3
   AND (:task IS NULL OR task GLOB :task)
   AND (:queue IS NULL OR queue = :queue) -- [migrated]
   AND (:worker IS NULL OR claimed_by GLOB :worker) -- [migrated]
   AND (:since IS NULL OR modified >= :since)
   AND (:until IS NULL OR modified < :until)
   AND (:error IS NULL OR instr(lower(error), lower(:error)) > 0) -- [errors]
   AND (:error IS NULL OR instr(lower(output), lower(:error)) > 0) -- [not errors]
 GROUP BY task, reason
 ORDER BY count DESC, latest DESC
 LIMIT :limit
