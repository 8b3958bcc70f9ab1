-- In how many seconds the next scheduled row is due; NULL where there is none.
-- Params: none
-- Returns: seconds
SELECT extract(epoch FROM min(run_after) - statement_timestamp())::double precision AS seconds
  FROM {table}
 WHERE status = 5
