-- Wakes idle workers: for rows that were inserted without doing so.
-- Params: channel
-- Returns: nothing
SELECT pg_notify(:channel, '')
