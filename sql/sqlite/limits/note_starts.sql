-- Notes when the task that has this slot started; a state of 2 says that the slot is free again and counts in the rate.
-- Params: id, state, start_utc
-- Returns: nothing
UPDATE {limited} SET state = :state, started_at = :start_utc WHERE id = :id
