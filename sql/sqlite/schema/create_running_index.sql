-- What a rescue reads: the rows in progress by the age of their lease. With the id, so that a claim's row is found
-- here by its token and never in the index of all ids, whose pages are as many as the table is large.
-- Params: none
-- Returns: nothing
CREATE INDEX IF NOT EXISTS {running_index} ON {table} (modified, id) WHERE status = 1
