-- Where a chore goes on.
-- Params: name
-- Returns: place
SELECT place FROM {chores} WHERE name = :name
