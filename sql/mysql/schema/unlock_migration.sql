-- Lets the next one migrate.
-- Params: key
-- Returns: unlocked
SELECT RELEASE_LOCK(:key) AS unlocked
