-- Level 1: how many attempts it may have; NULL is what the function declares.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN max_attempts integer NULL
