-- The database's clock, for rows that go by COPY.
-- Params: none
-- Returns: now
SELECT clock_timestamp() AS now
