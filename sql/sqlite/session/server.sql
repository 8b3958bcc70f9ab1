-- What answers here.
-- Params: none
-- Returns: version
SELECT sqlite_version() AS version
