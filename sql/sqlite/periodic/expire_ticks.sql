-- Removes the periodic tasks that no worker has declared for a while: they were renamed, or are no more.
-- Params: cutoff_utc
-- Returns: nothing
DELETE FROM {ticks} WHERE declared < :cutoff_utc
