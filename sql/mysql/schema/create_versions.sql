-- Which versions of the schema this database has been brought to.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {versions} (
    version integer NOT NULL PRIMARY KEY,
    applied timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC
