-- Takes version 3's columns away, with `migrate --down`.
-- Params: none
-- Returns: nothing
ALTER TABLE {table}
    DROP COLUMN links,
    DROP COLUMN limit_key,
    DROP COLUMN written
