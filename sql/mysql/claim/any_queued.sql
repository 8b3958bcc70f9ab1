-- Whether anything is queued: what a worker without work asks, one statement instead of a transaction. At level 1 it is
-- asked of each bucket, and only while looks are costly: elsewhere `list_buckets` is what such a worker asks.
-- The claim cursor is the same as in `ready`, and the lowest time except where dead index entries have piled up.
-- Params: cursor, queue, priority
-- Returns: found
SELECT 1 AS found
  FROM {table}
       FORCE INDEX ({status_index}) -- [indexed]
 WHERE status = 0
   AND queue = :queue -- [migrated]
   AND priority = :priority -- [migrated]
   AND modified >= :cursor
   AND NOT EXISTS (SELECT 1 FROM {queues} AS q WHERE q.name = :queue AND q.paused) -- [migrated]
 LIMIT 1
