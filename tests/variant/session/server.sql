-- What answers here: this one has versions of its own.
-- Params: none
-- Returns: version, number, encoding
SELECT 'variant 7.1' AS version, 150000 AS number, 'UTF8' AS encoding
