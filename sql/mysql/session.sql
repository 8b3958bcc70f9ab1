-- Settings of a new connection: nothing is silently cut to fit; a lock is given up before the caller's deadline, also
-- the lock a schema change of somebody else holds; no gap locks, because under REPEATABLE READ a claim blocks INSERTs.
-- JSON is full of backslashes: with NO_BACKSLASH_ESCAPES they travel once, not twice. All of these an ordinary user may set.
-- Params: lock_wait
-- Returns: nothing
SET SESSION
    sql_mode = 'TRADITIONAL,NO_BACKSLASH_ESCAPES',
    innodb_lock_wait_timeout = :lock_wait,
    lock_wait_timeout = :lock_wait,
    sql_notes = 0
