-- How long the next statement may wait for a lock on the table, while everybody else waits behind it; 0: for ever.
-- Params: patience
-- Returns: nothing
SELECT set_config('lock_timeout', :patience, false)
