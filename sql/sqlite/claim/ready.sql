-- The oldest queued rows, read for `claim` in the same transaction, whose write lock keeps everybody else away.
-- Level 1: those of one bucket, which is what one queue holds at one priority. `skip` rows of it have been read before; rows
-- of one age come in the order of the index, which is that in which they were inserted. A queue's name that is no UTF-8 is
-- given as its bytes, and `as_text` says so.
-- The status is a literal: with a parameter the partial index could not be used.
-- Params: limit, skip, queue, as_text, priority
-- Returns: rowid_, id, task, args, queued_at, attempt, max_attempts, links
SELECT rowid AS rowid_, id, task, args, modified AS queued_at
       , attempt, max_attempts -- [migrated]
       , links -- [migrated]
  FROM {table}
 WHERE status = 0
   AND queue = CASE WHEN :as_text THEN CAST(:queue AS text) ELSE :queue END -- [migrated]
   AND priority = :priority -- [migrated]
 ORDER BY modified
        , id -- [not migrated]
 LIMIT :limit OFFSET :skip
