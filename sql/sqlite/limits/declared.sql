-- Whether this function has declared what its limits are.
-- Params: name
-- Returns: name
SELECT name FROM {limits} WHERE name = :name
