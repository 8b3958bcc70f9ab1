-- Takes level 1's columns away again: the table is as Django made it.
-- Params: none
-- Returns: nothing
ALTER TABLE {table}
    DROP COLUMN IF EXISTS queue,
    DROP COLUMN IF EXISTS priority,
    DROP COLUMN IF EXISTS run_after,
    DROP COLUMN IF EXISTS attempt,
    DROP COLUMN IF EXISTS max_attempts,
    DROP COLUMN IF EXISTS losses,
    DROP COLUMN IF EXISTS claimed_by,
    DROP COLUMN IF EXISTS started,
    DROP COLUMN IF EXISTS renewed,
    DROP COLUMN IF EXISTS links,
    DROP COLUMN IF EXISTS limit_key,
    DROP COLUMN IF EXISTS written
