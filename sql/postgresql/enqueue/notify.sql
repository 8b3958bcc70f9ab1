-- Wakes idle workers, for rows that were inserted without doing so; or says to workers that somebody waits for ends, and to
-- those who wait that some were written: what it is stands in the payload.
-- Params: channel, payload
-- Returns: nothing
SELECT pg_notify(:channel, :payload)
