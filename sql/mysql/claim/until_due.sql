-- In how many seconds the next scheduled row is due; NULL where there is none. `run_after` is in UTC. A zero date
-- is due now: there are no seconds from one.
-- Params: none
-- Returns: seconds
SELECT COALESCE(TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), min(run_after)) / 1000000,
                IF(min(run_after) <= UTC_TIMESTAMP(6), 0, NULL)) AS seconds
  FROM {table}
 WHERE status = 5
