-- What a claim, a rescue and a clean-up read: the rows of one status by age. There are no partial indexes here, so this
-- one index serves all three; InnoDB adds the primary key to it. Reads and writes go on while it is built.
-- Params: none
-- Returns: nothing
CREATE INDEX {ready_index} ON {table} (status, modified) ALGORITHM = INPLACE LOCK = NONE
