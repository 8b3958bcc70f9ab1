-- Level 1: from -100 to 100, higher first.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN priority smallint NOT NULL DEFAULT 0
