-- How many seconds the next statement may wait for a lock on the table, while everybody else waits behind it.
-- Params: patience
-- Returns: nothing
SET SESSION lock_wait_timeout = :patience
