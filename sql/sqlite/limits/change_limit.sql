-- Notes what a function declares by now, and when the process began that says so.
-- Params: name, capacity, rate_count, rate_period, then_utc
-- Returns: nothing
UPDATE {limits}
   SET capacity = :capacity, rate_count = :rate_count, rate_period = :rate_period,
       declared_at = :then_utc
 WHERE name = :name
