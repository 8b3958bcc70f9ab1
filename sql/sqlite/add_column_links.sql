-- Version 3: a set of bits, see `Link`: 1 it needs a place under a limit, 2 it waits for others, 4 others wait for its end.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN links smallint NOT NULL DEFAULT 0
