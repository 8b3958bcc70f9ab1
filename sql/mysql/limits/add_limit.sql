-- Notes what a function declares of how many of its tasks run, where nobody has yet, and how many seconds ago the process began
-- that says so.
-- Params: name, capacity, rate_count, rate_period, age
-- Returns: nothing
INSERT INTO {limits} (name, capacity, rate_count, rate_period, declared_at)
VALUES (:name, :capacity, :rate_count, :rate_period, UTC_TIMESTAMP(6) - INTERVAL ROUND(:age * 1000000) MICROSECOND)
    ON DUPLICATE KEY UPDATE name = {limits}.name
