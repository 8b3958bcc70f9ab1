-- Claims the rows that `ready` has just read in the same transaction. Two statements, because RETURNING cannot give
-- the old `modified`. `taken_slots` is a JSON array of rowids, which nothing changes within a transaction; `now`, the token,
-- is the host's clock read under the write lock. `renewed` is left to the first renewal, because a shorter row is a cheaper
-- one: until then the claim is asyncqueue's where `started` is what `modified` is.
-- Params: rowids, worker_pid, worker, now
-- Returns: nothing
UPDATE {table}
   SET status = 1,
       worker_pid = :worker_pid, -- [errors]
       claimed_by = :worker, -- [migrated]
       started = :now, -- [migrated]
       renewed = NULL, -- [migrated]
       modified = :now
 WHERE rowid IN (SELECT value FROM json_each(:rowids))
