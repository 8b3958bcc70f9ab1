-- Counts rows. No statuses: all of them. `statuses` is a JSON array.
-- Params: statuses, task, queue, worker, since, until, error
-- Returns: count
SELECT count(*) AS count
  FROM {table}
 WHERE (json_array_length(:statuses) = 0 OR status IN (SELECT value FROM json_each(:statuses)))
   AND (:task IS NULL OR task GLOB :task)
   AND (:queue IS NULL OR queue = :queue) -- [migrated]
   AND (:worker IS NULL OR claimed_by GLOB :worker) -- [migrated]
   AND (:since IS NULL OR modified >= :since)
   AND (:until IS NULL OR modified < :until)
   AND (:error IS NULL OR instr(lower(error), lower(:error)) > 0) -- [errors]
   AND (:error IS NULL OR instr(lower(output), lower(:error)) > 0) -- [not errors]
