-- Counts rows. No statuses: all of them.
-- Params: statuses, task
-- Returns: count
SELECT count(*) AS count
  FROM {table}
 WHERE (cardinality(:statuses::int[]) = 0 OR status = ANY (:statuses::int[]))
   AND (:task::text IS NULL OR task = :task::text)
