-- How long each statement of the transaction may wait for a lock, while everybody else waits behind it.
-- Params: patience
-- Returns: nothing
SELECT set_config('lock_timeout', :patience, true)
