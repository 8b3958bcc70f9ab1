-- The first half of a clean-up: locks a batch of old rows of one status, and at level 1 of one band, so that the index
-- that claims have gives their exact range. It never waits for a row that somebody holds. A completed row stays as long as
-- it holds its unique key: `links` has the minutes, see `KEPT_FROM`.
-- Params: status, cutoff, limit, queue, priority, now
-- Returns: id
SELECT id
  FROM {table}
       FORCE INDEX ({status_index}) -- [indexed]
 WHERE status = :status
   AND queue = :queue -- [migrated]
   AND priority = :priority -- [migrated]
   AND modified < :cutoff
   AND (status <> 2 OR links < 32 OR modified < :now - INTERVAL (links >> 5) MINUTE) -- [linked]
 LIMIT :limit
   FOR UPDATE SKIP LOCKED
