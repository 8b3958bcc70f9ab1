-- What a claim of level 1 reads: the queued rows of each queue and priority by age. There are no partial indexes here,
-- so a rescue finds the rows in progress by it, too; InnoDB adds the primary key. Reads and writes go on while it is
-- built.
-- Params: none
-- Returns: nothing
CREATE INDEX {bucket_index} ON {table} (status, queue, priority, modified) ALGORITHM = INPLACE LOCK = NONE
