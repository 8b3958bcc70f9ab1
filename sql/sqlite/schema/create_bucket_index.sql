-- What a claim of level 1 reads: the queued rows of each queue and priority, oldest first. Partial, so that ended and
-- scheduled rows cost it nothing; and without the id, so that a claim from several queues writes fewer pages.
-- Params: none
-- Returns: nothing
CREATE INDEX IF NOT EXISTS {bucket_index} ON {table} (queue, priority, modified) WHERE status = 0
