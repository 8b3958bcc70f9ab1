-- Takes a column of level 1 away, with `migrate --down`.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} DROP COLUMN queue
