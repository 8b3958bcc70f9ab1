-- Takes a side table away, with `migrate --down`.
-- Params: none
-- Returns: nothing
DROP TABLE IF EXISTS {side_table}
