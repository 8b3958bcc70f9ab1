-- Removes an index that is not needed any more.
-- Params: none
-- Returns: nothing
DROP INDEX {due_index} ON {table}
