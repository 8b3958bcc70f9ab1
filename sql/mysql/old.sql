-- The first half of a clean-up: locks a batch of old rows of one status, and at level 1 of one band, so that the index
-- that claims have gives their exact range. It never waits for a row that somebody holds.
-- Params: status, cutoff, limit, queue, priority
-- Returns: id
SELECT id
  FROM {table}
       FORCE INDEX ({status_index}) -- [indexed]
 WHERE status = :status
   AND queue = :queue -- [migrated]
   AND priority = :priority -- [migrated]
   AND modified < :cutoff
 LIMIT :limit
   FOR UPDATE SKIP LOCKED
