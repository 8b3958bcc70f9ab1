-- Takes a column of version 3 away, with `migrate --down`.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} DROP COLUMN written
