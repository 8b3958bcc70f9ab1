-- Removes the periodic tasks that no worker has declared for so many seconds: they were renamed, or are no more.
-- Params: expiry
-- Returns: nothing
DELETE FROM {ticks} WHERE declared < statement_timestamp() - :expiry::float8 * interval '1 second'
