-- The first half of a clean-up: locks a batch of old rows of one status, and at level 1 of one bucket, so that the index
-- that claims have gives their exact range. It never waits for a row that somebody holds. A completed row stays as long as
-- it holds its unique key: `links` has the minutes, see `KEPT_FROM`, and `now` is what the table's clock would read had it not
-- been put forward within a year. One whose end others have not been told of stays: of what is gone nobody knows that it
-- completed. The keys are char(32) there, whatever the id is here.
-- Params: status, cutoff, limit, queue, priority, now
-- Returns: id
SELECT id
  FROM {table} AS t
       FORCE INDEX ({status_index}) -- [indexed]
 WHERE status = :status
   AND queue = :queue -- [migrated]
   AND priority = :priority -- [migrated]
   AND modified < :cutoff
   AND (t.status <> 2 OR links < 32 OR modified < :now - INTERVAL (links >> 5) MINUTE) -- [migrated]
   AND NOT EXISTS ( -- [migrated]
           SELECT /*+ NO_SEMIJOIN() */ 1 FROM {edges} AS e FORCE INDEX (awaited) -- [migrated]
            WHERE e.open = 1 -- [migrated]
              AND e.predecessor_id = CAST(REPLACE(t.id, '-', '') AS CHAR(32) CHARACTER SET ascii) COLLATE ascii_bin -- [migrated]
       ) -- [migrated]
 LIMIT :limit
   FOR UPDATE SKIP LOCKED
