-- What a promotion reads: the scheduled rows by the time when they are due.
-- Params: none
-- Returns: nothing
CREATE INDEX IF NOT EXISTS {due_index} ON {table} (run_after) WHERE status = 5
