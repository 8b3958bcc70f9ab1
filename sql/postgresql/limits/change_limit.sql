-- Notes what a function declares by now, and how many seconds ago the process began that says so.
-- Params: name, capacity, rate_count, rate_period, age
-- Returns: nothing
UPDATE {limits}
   SET capacity = :capacity, rate_count = :rate_count, rate_period = :rate_period,
       declared_at = statement_timestamp() - :age::float8 * interval '1 second'
 WHERE name = :name
