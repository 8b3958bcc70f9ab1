-- Level 1: how many workers were lost with it.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN losses integer NOT NULL DEFAULT 0
