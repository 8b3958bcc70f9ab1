-- Level 1: when it was claimed last.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN started datetime NULL
