-- Version 3: which of its function's limits it comes under; NULL where the function has one for all.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN limit_key varchar(255) NULL
