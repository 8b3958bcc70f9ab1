-- The first half of a claim while many rows are queued: locks the oldest that nobody else has locked. `claim` updates
-- exactly these, in the same transaction. There is no UPDATE ... RETURNING here, and a claim must know its rows for
-- certain. The index is named because MariaDB's optimizer does not always take it.
-- Level 1 claims of one bucket, which is what one queue holds at one priority; a paused queue gives nothing.
-- The claim cursor keeps a claim from walking over index entries of rows claimed before: while any session holds an old
-- snapshot nobody can remove them. It is a hint, and the lowest time now and then (`backends/common/claim_cursor.py`).
-- What most tasks have none of is NULL, which the driver reads in a fraction of the time of a number; the bucket is known.
-- Params: limit, cursor, queue, priority
-- Returns: id, task, args, queued_at, attempt, max_attempts, links
SELECT t.id, t.task, t.args, t.modified AS queued_at
       , NULLIF(t.attempt, 0) AS attempt, t.max_attempts -- [migrated]
       , NULLIF(t.links, 0) AS links -- [migrated]
  FROM {table} AS t
       FORCE INDEX ({status_index}) -- [indexed]
 WHERE t.status = 0
   AND t.queue = :queue -- [migrated]
   AND t.priority = :priority -- [migrated]
   AND t.modified >= :cursor
   AND NOT EXISTS (SELECT 1 FROM {queues} AS q WHERE q.name = :queue AND q.paused) -- [migrated]
 ORDER BY t.modified, t.id
 LIMIT :limit
   FOR UPDATE SKIP LOCKED
