-- Level 1: the worker that claimed it last.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN claimed_by varchar(64) NULL
