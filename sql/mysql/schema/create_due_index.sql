-- What a promotion reads: the scheduled rows by the time when they are due. It is NULL in all others, so that what
-- becomes of those changes nothing here.
-- Params: none
-- Returns: nothing
CREATE INDEX {due_index} ON {table} (run_after) ALGORITHM = INPLACE LOCK = NONE
