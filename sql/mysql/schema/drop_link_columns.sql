-- Takes version 3's columns away, with `migrate --down`.
-- Only those that are there: a line each.
-- Params: none
-- Returns: nothing
ALTER TABLE {table}
    DROP COLUMN links, -- [links]
    DROP COLUMN limit_key, -- [limit_key]
    DROP COLUMN written, -- [written]
    ALGORITHM = DEFAULT
