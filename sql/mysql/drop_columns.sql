-- Takes level 1's columns away again: the table is as Django made it.
-- Params: none
-- Returns: nothing
ALTER TABLE {table}
    DROP COLUMN queue,
    DROP COLUMN priority,
    DROP COLUMN run_after,
    DROP COLUMN attempt,
    DROP COLUMN max_attempts,
    DROP COLUMN losses,
    DROP COLUMN claimed_by,
    DROP COLUMN started,
    DROP COLUMN renewed
