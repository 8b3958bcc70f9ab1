-- The columns of level 1. Each may be NULL or has a constant default, so that Django's INSERTs need not name it and the
-- server notes it in its catalogue alone, however large the table is. The lock that this takes for a moment is waited
-- for in short tries, so that nobody queues behind it.
-- run_after: when a task of status 5 is due. attempt: how many attempts have failed. max_attempts: NULL is what the
-- function declares. losses: how many workers were lost with it. started, renewed: the claim's time and its last renewal
-- by asyncqueue; a claim is asyncqueue's where renewed = modified, since Django's worker moves modified alone.
-- links: a set of bits, see `Link`: 1 it needs a slot under a limit, 2 it waits for other tasks, 4 other tasks wait for its
-- end, 16 a worker did not find its function. From 32 on: whole minutes for which it holds its unique key after completion.
-- limit_key: which of its function's limits it comes under; NULL where the function has one for all.
-- written: the claim time of the run that streamed what stands in `output`; NULL where none has. With 16 among the links:
-- when the task was first put off because its function was not found, in UTC.
-- Params: none
-- Returns: nothing
ALTER TABLE {table}
    ADD COLUMN IF NOT EXISTS queue varchar(64) NOT NULL DEFAULT 'default',
    ADD COLUMN IF NOT EXISTS priority smallint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS run_after timestamp with time zone NULL,
    ADD COLUMN IF NOT EXISTS attempt integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS max_attempts integer NULL,
    ADD COLUMN IF NOT EXISTS losses integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS claimed_by varchar(64) NULL,
    ADD COLUMN IF NOT EXISTS started timestamp with time zone NULL,
    ADD COLUMN IF NOT EXISTS renewed timestamp with time zone NULL,
    ADD COLUMN IF NOT EXISTS links integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS limit_key varchar(255) NULL,
    ADD COLUMN IF NOT EXISTS written timestamp with time zone NULL
