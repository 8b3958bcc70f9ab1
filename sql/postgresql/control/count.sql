-- Counts rows. No statuses: all of them.
-- Params: statuses, task, queue, worker, since, until, error
-- Returns: count
SELECT count(*) AS count
  FROM {table}
 WHERE (cardinality(:statuses::int[]) = 0 OR status = ANY (:statuses::int[]))
   AND (:task::text IS NULL OR task LIKE :task ESCAPE '|')
   AND (:queue::text IS NULL OR queue = :queue) -- [migrated]
   AND (:worker::text IS NULL OR claimed_by LIKE :worker ESCAPE '|') -- [migrated]
   AND (:since::timestamptz IS NULL OR modified >= :since)
   AND (:until::timestamptz IS NULL OR modified < :until)
   AND (:error::text IS NULL OR strpos(lower(error), lower(:error)) > 0) -- [errors]
   AND (:error::text IS NULL OR strpos(lower(output), lower(:error)) > 0) -- [not errors]
