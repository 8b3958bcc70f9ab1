-- What a claim of level 1 reads: the queued rows of each queue and priority, oldest first. Partial, so that ended and
-- scheduled rows cost it nothing.
-- Params: none
-- Returns: nothing
CREATE INDEX CONCURRENTLY IF NOT EXISTS {bucket_index} ON {table} (queue, priority, modified, id) WHERE status = 0
