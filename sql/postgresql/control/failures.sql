-- Counts failed rows by task and by the first line of their error, the most frequent first. On the 7-column table the
-- text of an error follows the output.
-- Params: task, queue, worker, since, until, error, limit
-- Returns: task, reason, count, latest
SELECT task,
       left(split_part(error, E'\n', 1), 200) AS reason, -- [errors]
       left(split_part(output, E'\n', 1), 200) AS reason, -- [not errors]
       count(*) AS count, max(modified) AS latest
  FROM {table}
 WHERE status = 3
   AND (:task::text IS NULL OR task LIKE :task ESCAPE '|')
   AND (:queue::text IS NULL OR queue = :queue) -- [migrated]
   AND (:worker::text IS NULL OR claimed_by LIKE :worker ESCAPE '|') -- [migrated]
   AND (:since::timestamptz IS NULL OR modified >= :since)
   AND (:until::timestamptz IS NULL OR modified < :until)
   AND (:error::text IS NULL OR strpos(lower(error), lower(:error)) > 0) -- [errors]
   AND (:error::text IS NULL OR strpos(lower(output), lower(:error)) > 0) -- [not errors]
 GROUP BY task, reason
 ORDER BY count DESC, latest DESC
 LIMIT :limit
