-- The oldest queued rows, read for `claim` in the same transaction, whose write lock keeps everybody else away.
-- The status is a literal: with a parameter the partial index could not be used.
-- Params: limit
-- Returns: place, id, task, args, queued_at
SELECT rowid AS place, id, task, args, modified AS queued_at
  FROM {table}
 WHERE status = 0
 ORDER BY modified, id
 LIMIT :limit
