-- The columns of version 3 of the schema, added as those of level 1 are.
-- links: a set of bits, see `Link`: 1 it needs a place under a limit, 2 it waits for others, 4 others wait for its end.
-- 16 a worker did not find its function. From 32 on, whole minutes for which it holds its unique key after its completion.
-- limit_key: which of its function's limits it comes under; NULL where the function has one for all.
-- written: which run, by the time of its claim, has streamed what stands in `output`; NULL where none has. With 16 among its links, when it was
-- put off first because its function was not found.
-- Params: none
-- Returns: nothing
ALTER TABLE {table}
    ADD COLUMN IF NOT EXISTS links integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS limit_key varchar(255) NULL,
    ADD COLUMN IF NOT EXISTS written timestamp with time zone NULL
