-- Where a chore goes on.
-- Params: name
-- Returns: resume_from
SELECT resume_from FROM {chores} WHERE name = :name
