-- Brings everything that is scheduled forward, as if so much time had passed: for tests of applications.
-- A zero date stays, for the next claim to fail that row.
-- Params: microseconds
-- Returns: nothing
UPDATE {table}
   SET run_after = run_after - INTERVAL :microseconds MICROSECOND
 WHERE status = 5
   AND NOT (MONTH(run_after) = 0 OR DAYOFMONTH(run_after) = 0)
