-- The columns of version 3, added as those of level 1 are.
-- links: a set of bits, see `Link`: 1 needs a slot under a limit, 2 waits for other tasks, 4 other tasks wait for it, 16 a
-- worker did not find its function. From 32 on, whole minutes for which it holds its unique key after its completion.
-- limit_key: which of its function's limits it comes under; NULL where the function has one for all.
-- written: the claim time of the run that streamed what stands in `output`; NULL where none has. With 16 among the links:
-- when the task was first put off because its function was not found, in UTC.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN links integer NOT NULL DEFAULT 0 -- [not links]
ALTER TABLE {table} ADD COLUMN limit_key varchar(255) NULL -- [not limit_key]
ALTER TABLE {table} ADD COLUMN written datetime NULL -- [not written]
