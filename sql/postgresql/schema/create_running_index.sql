-- What a rescue reads: the rows in progress by the age of their lease.
-- Params: none
-- Returns: nothing
CREATE INDEX CONCURRENTLY IF NOT EXISTS {running_index} ON {table} (modified) WHERE status = 1
