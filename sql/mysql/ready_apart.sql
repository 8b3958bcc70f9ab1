-- The same as `ready` where few rows may be queued, or where there is no index: candidates are read without locks
-- first, and then locked one by one until there are enough. InnoDB's locking reads walk over entries that are deleted
-- and not yet removed past the end of their range too, and lock each, thirty times as slowly as a plain read; and
-- without an index they lock every queued row. `candidates` is the limit and what other workers may hold at this moment.
-- Params: limit, candidates, watermark
-- Returns: id, task, args, queued_at
SELECT t.id, t.task, t.args, t.modified AS queued_at
  FROM (SELECT id
          FROM {table}
               FORCE INDEX ({ready_index}) -- [indexed]
         WHERE status = 0
           AND modified >= :watermark
         ORDER BY modified, id
         LIMIT :candidates) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
 WHERE t.status = 0
 LIMIT :limit
   FOR UPDATE SKIP LOCKED
