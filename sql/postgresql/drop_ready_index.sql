-- Removes an index that an interrupted CREATE INDEX CONCURRENTLY left invalid.
-- Params: none
-- Returns: nothing
DROP INDEX CONCURRENTLY IF EXISTS {ready_index_qualified}
