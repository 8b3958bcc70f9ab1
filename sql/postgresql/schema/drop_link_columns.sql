-- Takes version 3's columns away, with `migrate --down`.
-- Params: none
-- Returns: nothing
ALTER TABLE {table}
    DROP COLUMN IF EXISTS links,
    DROP COLUMN IF EXISTS limit_key,
    DROP COLUMN IF EXISTS written
