-- Lets the next one migrate.
-- Params: key
-- Returns: unlocked
SELECT pg_advisory_unlock(hashtext(:key)) AS unlocked
