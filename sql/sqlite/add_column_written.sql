-- Version 3: which run, by the time of its claim, has streamed what stands in `output`; NULL where none has. With 16 among
-- its links, when it was put off first because its function was not found, in UTC.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN written datetime NULL
