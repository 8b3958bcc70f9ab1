-- Version 3: a set of bits, see `Link`: 1 it needs a place under a limit, 2 it waits for others, 4 others wait for its end.
-- 16 a worker did not find its function. From 32 on, whole minutes for which it holds its unique key after its completion.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN links integer NOT NULL DEFAULT 0
