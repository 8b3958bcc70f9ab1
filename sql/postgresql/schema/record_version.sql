-- Notes that a version of the schema is complete.
-- Params: none
-- Returns: nothing
INSERT INTO {versions} (version) VALUES ({version}) ON CONFLICT (version) DO NOTHING
