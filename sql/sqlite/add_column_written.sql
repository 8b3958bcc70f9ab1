-- Version 3: which run, by the time of its claim, has streamed what stands in `output`; NULL where none has.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN written datetime NULL
