-- Which versions of the schema this database has been brought to.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {versions} (
    version integer NOT NULL PRIMARY KEY,
    applied timestamp with time zone NOT NULL DEFAULT now()
)
