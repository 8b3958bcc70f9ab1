-- The columns of level 1. Each may be NULL or has a constant default, so that Django's INSERTs need not name it and the
-- server notes it in its catalogue alone (INSTANT), however large the table is; where it cannot, it says so and changes
-- nothing. The lock that this takes for a moment is waited for in short tries, so that nobody queues behind it.
-- run_after: when a task of status 5 is due, and NULL in every other status. attempt: how many attempts have failed.
-- max_attempts: NULL is what the function declares. losses: how many workers were lost with it. started, renewed: the
-- claim's time and its last renewal by asyncqueue; a claim is asyncqueue's where renewed = modified, since Django's worker
-- moves modified alone.
-- claimed_by: the name of the worker that claimed it last. Until then 64 blanks keep room for it and the two times, so that
-- a claim does not make the row longer: where all rows of a full page grow by a little, InnoDB updates many of them under a
-- lock of the whole index before it splits the page.
-- links: a set of bits, see `Link`: 1 it needs a slot under a limit, 2 it waits for other tasks, 4 other tasks wait for its
-- end, 16 a worker did not find its function. From 32 on: whole minutes for which it holds its unique key after completion.
-- limit_key: which of its function's limits it comes under; NULL where the function has one for all.
-- written: the claim time of the run that streamed what stands in `output`; NULL where none has. With 16 among the links:
-- when the task was first put off because its function was not found, in UTC.
-- A small table is written anew, while reads and writes go on: rows of a table to which columns were added in place cost
-- MySQL more with each change.
-- Only those that are lacking are added: a line each.
-- Params: none
-- Returns: nothing
ALTER TABLE {table}
    ADD COLUMN queue varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT 'default', -- [not queue]
    ADD COLUMN priority smallint NOT NULL DEFAULT 0, -- [not priority]
    ADD COLUMN run_after datetime(6) NULL, -- [not run_after]
    ADD COLUMN attempt integer NOT NULL DEFAULT 0, -- [not attempt]
    ADD COLUMN max_attempts integer NULL, -- [not max_attempts]
    ADD COLUMN losses integer NOT NULL DEFAULT 0, -- [not losses]
    ADD COLUMN claimed_by varchar(64) NULL DEFAULT '                                                                ', -- [not claimed_by]
    ADD COLUMN started datetime(6) NULL, -- [not started]
    ADD COLUMN renewed datetime(6) NULL, -- [not renewed]
    ADD COLUMN links integer NOT NULL DEFAULT 0, -- [not links]
    ADD COLUMN limit_key varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL, -- [not limit_key]
    ADD COLUMN written datetime(6) NULL, -- [not written]
    ALGORITHM = INSTANT -- [not small]
    FORCE, ALGORITHM = INPLACE, LOCK = NONE -- [small]
