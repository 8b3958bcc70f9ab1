-- Queues a row that `due` has just read, each a microsecond younger than the one before. One whose links keep it from being
-- queued is set aside instead: it stays in its status and has no time any more, so that neither this nor a claim ever sees it.
-- Params: rowid, modified, status
-- Returns: nothing
UPDATE {table}
   SET status = :status,
       run_after = NULL,
       modified = :modified
 WHERE rowid = :rowid
