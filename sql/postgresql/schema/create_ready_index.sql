-- What a claim reads: the queued rows, oldest first. Partial, so that ended rows cost it nothing.
-- Params: none
-- Returns: nothing
CREATE INDEX CONCURRENTLY IF NOT EXISTS {ready_index} ON {table} (modified, id) WHERE status = 0
