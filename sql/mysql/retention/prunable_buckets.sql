-- The buckets of one status that hold rows older than a cut-off: where `cleanup` looks at level 1. One step in the index
-- for each bucket, see `list_buckets`.
-- Params: status, cutoff
-- Returns: queue, priority, oldest
SELECT queue, priority, MIN(modified) AS oldest
  FROM {table}
       FORCE INDEX ({bucket_index}) -- [indexed]
 WHERE status = :status
 GROUP BY status, queue, priority
HAVING oldest < :cutoff
