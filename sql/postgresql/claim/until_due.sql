-- In how many seconds the next scheduled row is due; NULL where there is none.
-- Params: none
-- Returns: seconds
SELECT extract(epoch FROM CASE WHEN run_after < '0001-01-02Z'::timestamptz THEN '0001-01-02Z'::timestamptz
                          WHEN run_after > '9999-12-30Z'::timestamptz THEN '9999-12-30Z'::timestamptz
                          ELSE run_after END - statement_timestamp())::double precision AS seconds
  FROM (SELECT min(run_after) FROM {table} WHERE status = 5) AS first (run_after)
