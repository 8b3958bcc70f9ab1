-- What these functions declare of how many of their tasks run. The transaction's write lock keeps everybody else away.
-- Params: name
-- Returns: name, capacity, rate_count, rate_period, declared_at
SELECT name, capacity, rate_count, rate_period, declared_at FROM {limits} WHERE name = :name
