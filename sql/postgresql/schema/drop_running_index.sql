-- Removes an index: one that an interrupted CREATE INDEX CONCURRENTLY left invalid, or one that is not needed any more.
-- Params: none
-- Returns: nothing
DROP INDEX CONCURRENTLY IF EXISTS {running_index_qualified}
