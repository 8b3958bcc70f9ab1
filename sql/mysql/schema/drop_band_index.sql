-- Removes an index that is not needed any more.
-- Params: none
-- Returns: nothing
DROP INDEX {band_index} ON {table}
