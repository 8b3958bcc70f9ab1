-- Brings everything that is scheduled forward, as if so much time had passed: for tests of applications.
-- Params: microseconds
-- Returns: nothing
UPDATE {table}
   SET run_after = run_after - :microseconds::bigint * interval '1 microsecond'
 WHERE status = 5
