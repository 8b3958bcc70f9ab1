-- How many tasks wait for their time: with their columns they would lose it.
-- Params: none
-- Returns: count
SELECT count(*) AS count FROM {table} WHERE status = 5
