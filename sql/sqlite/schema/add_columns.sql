-- The columns of level 1: SQLite adds one at a time, so one line is run at a time. Each may be NULL or has a constant
-- default: Django's INSERTs need not name it, and no row is rewritten.
-- queue: the queue of the task. priority: from -100 to 100, higher first. run_after: when a task of status 5 is due.
-- attempt: how many attempts have failed. max_attempts: NULL is what the function declares. losses: how many workers
-- were lost with it. claimed_by: the worker that claimed it last. started: when that was. renewed: when asyncqueue
-- renewed the claim, NULL until then; a claim is asyncqueue's where this, or else `started`, equals `modified`.
-- links: a set of bits, see `Link`: 1 it needs a slot under a limit, 2 it waits for other tasks, 4 other tasks wait for its
-- end, 16 a worker did not find its function. From 32 on: whole minutes for which it holds its unique key after completion.
-- limit_key: which of its function's limits it comes under; NULL where the function has one for all.
-- written: the claim time of the run that streamed what stands in `output`; NULL where none has. With 16 among the links:
-- when the task was first put off because its function was not found, in UTC.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN queue varchar(64) NOT NULL DEFAULT 'default' -- [not queue]
ALTER TABLE {table} ADD COLUMN priority smallint NOT NULL DEFAULT 0 -- [not priority]
ALTER TABLE {table} ADD COLUMN run_after datetime NULL -- [not run_after]
ALTER TABLE {table} ADD COLUMN attempt integer NOT NULL DEFAULT 0 -- [not attempt]
ALTER TABLE {table} ADD COLUMN max_attempts integer NULL -- [not max_attempts]
ALTER TABLE {table} ADD COLUMN losses integer NOT NULL DEFAULT 0 -- [not losses]
ALTER TABLE {table} ADD COLUMN claimed_by varchar(64) NULL -- [not claimed_by]
ALTER TABLE {table} ADD COLUMN started datetime NULL -- [not started]
ALTER TABLE {table} ADD COLUMN renewed datetime NULL -- [not renewed]
ALTER TABLE {table} ADD COLUMN links integer NOT NULL DEFAULT 0 -- [not links]
ALTER TABLE {table} ADD COLUMN limit_key varchar(255) NULL -- [not limit_key]
ALTER TABLE {table} ADD COLUMN written datetime NULL -- [not written]
