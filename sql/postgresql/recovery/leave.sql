-- Takes a worker off the list that has ended, and those that were lost a day ago.
-- Params: name
-- Returns: nothing
DELETE FROM {workers} WHERE name = :name OR beat < statement_timestamp() - interval '1 day'
