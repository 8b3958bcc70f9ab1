-- Level 1: how many attempts have failed.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN attempt integer NOT NULL DEFAULT 0
