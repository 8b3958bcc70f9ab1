-- Level 1: when a task of status 5 is due.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN run_after datetime NULL
