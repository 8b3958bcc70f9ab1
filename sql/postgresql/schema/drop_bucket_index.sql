-- Removes an index: one that an interrupted CREATE INDEX CONCURRENTLY left invalid, or with `migrate --down`.
-- Params: none
-- Returns: nothing
DROP INDEX CONCURRENTLY IF EXISTS {bucket_index_qualified}
