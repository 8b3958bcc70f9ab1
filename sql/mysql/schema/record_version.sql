-- Notes that a version of the schema is complete.
-- Params: none
-- Returns: nothing
INSERT IGNORE INTO {versions} (version) VALUES ({version})
