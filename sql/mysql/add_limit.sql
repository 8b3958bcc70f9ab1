-- Notes what a function declares of how many of its tasks run, where nobody has yet.
-- Params: name, capacity, rate_count, rate_period
-- Returns: nothing
INSERT INTO {limits} (name, capacity, rate_count, rate_period)
VALUES (:name, :capacity, :rate_count, :rate_period)
    ON DUPLICATE KEY UPDATE name = {limits}.name
