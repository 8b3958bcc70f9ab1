-- Queues a row that `due` has just read, each a microsecond younger than the one before.
-- Params: place, modified
-- Returns: nothing
UPDATE {table}
   SET status = 0,
       run_after = NULL,
       modified = :modified
 WHERE rowid = :place
