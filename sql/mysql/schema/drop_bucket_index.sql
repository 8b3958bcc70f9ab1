-- Removes an index that is not needed any more.
-- Params: none
-- Returns: nothing
DROP INDEX {bucket_index} ON {table}
