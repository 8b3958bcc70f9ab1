-- Removes the periodic tasks that no worker has declared for so many seconds: they were renamed, or are no more.
-- Params: expiry
-- Returns: nothing
DELETE FROM {ticks} WHERE declared < UTC_TIMESTAMP(6) - INTERVAL ROUND(:expiry * 1000000) MICROSECOND
