-- The same as `ready` where few rows may be queued, or where there is no index: candidates are read without locks
-- first, and then locked one by one until there are enough. InnoDB's locking reads walk over entries that are deleted
-- and not yet removed past the end of their range too, and lock each, thirty times as slowly as a plain read; and
-- without an index they lock every queued row. `candidates` is the limit and what other workers may hold at this moment, or
-- what is left in all, where that was counted.
-- What most tasks have none of is NULL, which the driver reads in a fraction of the time of a number; the bucket is known.
-- Params: limit, candidates, cursor, queue, priority
-- Returns: id, task, args, queued_at, attempt, max_attempts, links
SELECT t.id, t.task, t.args, t.modified AS queued_at
       , NULLIF(t.attempt, 0) AS attempt, t.max_attempts -- [migrated]
       , NULLIF(t.links, 0) AS links -- [migrated]
  FROM (SELECT id
          FROM {table}
               FORCE INDEX ({status_index}) -- [indexed]
         WHERE status = 0
           AND queue = :queue -- [migrated]
           AND priority = :priority -- [migrated]
           AND modified >= :cursor
           AND NOT EXISTS (SELECT 1 FROM {queues} AS q WHERE q.name = :queue AND q.paused) -- [migrated]
         ORDER BY modified, id
         LIMIT :candidates) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
 WHERE t.status = 0
   AND t.queue = :queue -- [migrated]
   AND t.priority = :priority -- [migrated]
 LIMIT :limit
   FOR UPDATE SKIP LOCKED
