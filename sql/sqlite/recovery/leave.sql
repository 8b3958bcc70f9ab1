-- Takes a worker off the list that has ended, and those that were lost a day ago.
-- Params: name, day_ago
-- Returns: nothing
DELETE FROM {workers} WHERE name = :name OR beat < :day_ago
