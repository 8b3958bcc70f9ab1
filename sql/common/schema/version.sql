-- The newest version of the schema that was completed, NULL for none.
-- Params: none
-- Returns: version
SELECT max(version) AS version FROM {versions}
