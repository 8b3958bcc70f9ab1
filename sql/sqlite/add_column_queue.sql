-- Level 1: the queue a task is in. A constant default, so that Django need not name the column, and no row is rewritten.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN queue varchar(64) NOT NULL DEFAULT 'default'
