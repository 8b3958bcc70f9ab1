-- Brings everything that is scheduled forward, as if so much time had passed: for tests of applications.
-- Params: microseconds
-- Returns: nothing
UPDATE {table}
   SET run_after = run_after - INTERVAL :microseconds MICROSECOND
 WHERE status = 5
