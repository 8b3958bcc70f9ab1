-- A number that changes when another connection, of any process, has committed.
-- Params: none
-- Returns: version
PRAGMA data_version
