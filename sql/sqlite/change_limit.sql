-- Notes what a function declares by now.
-- Params: name, capacity, rate_count, rate_period
-- Returns: nothing
UPDATE {limits}
   SET capacity = :capacity, rate_count = :rate_count, rate_period = :rate_period
 WHERE name = :name
