-- Takes level 1's columns away again: the table is as Django made it.
-- Only those that are there: a line each.
-- Params: none
-- Returns: nothing
ALTER TABLE {table}
    DROP COLUMN queue, -- [queue]
    DROP COLUMN priority, -- [priority]
    DROP COLUMN run_after, -- [run_after]
    DROP COLUMN attempt, -- [attempt]
    DROP COLUMN max_attempts, -- [max_attempts]
    DROP COLUMN losses, -- [losses]
    DROP COLUMN claimed_by, -- [claimed_by]
    DROP COLUMN started, -- [started]
    DROP COLUMN renewed, -- [renewed]
    DROP COLUMN links, -- [links]
    DROP COLUMN limit_key, -- [limit_key]
    DROP COLUMN written, -- [written]
    ALGORITHM = DEFAULT
