-- In how many seconds the next scheduled row is due; NULL where there is none. `run_after` is in UTC.
-- Params: none
-- Returns: seconds
SELECT TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), min(run_after)) / 1000000 AS seconds
  FROM {table}
 WHERE status = 5
