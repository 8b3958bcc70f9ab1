-- The queues that nobody claims from.
-- Params: none
-- Returns: name
SELECT name FROM {queues} WHERE paused = 1
