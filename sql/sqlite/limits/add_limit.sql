-- Notes what a function declares of how many of its tasks run, where nobody has yet, and when the process began that says so.
-- Params: name, capacity, rate_count, rate_period, then_utc
-- Returns: nothing
INSERT INTO {limits} (name, capacity, rate_count, rate_period, declared_at)
VALUES (:name, :capacity, :rate_count, :rate_period, :then_utc)
    ON CONFLICT (name) DO NOTHING
