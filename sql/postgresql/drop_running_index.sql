-- Removes an index that an interrupted CREATE INDEX CONCURRENTLY left invalid.
-- Params: none
-- Returns: nothing
DROP INDEX CONCURRENTLY IF EXISTS {running_index_qualified}
