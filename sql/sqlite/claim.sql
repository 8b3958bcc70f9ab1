-- Claims the rows that `ready` has just read in the same transaction. Two statements, because RETURNING cannot give
-- the old `modified`. `ids` is a JSON array; `now`, the token, is the host's clock read under the write lock.
-- Params: ids, worker_pid, now
-- Returns: nothing
UPDATE {table}
   SET status = 1,
       worker_pid = :worker_pid, -- [errors]
       modified = :now
 WHERE id IN (SELECT value FROM json_each(:ids))
