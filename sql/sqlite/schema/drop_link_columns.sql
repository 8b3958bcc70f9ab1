-- Removes the columns of version 3, one line at a time.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} DROP COLUMN links -- [links]
ALTER TABLE {table} DROP COLUMN limit_key -- [limit_key]
ALTER TABLE {table} DROP COLUMN written -- [written]
