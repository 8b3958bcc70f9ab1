-- When the next scheduled row is due, NULL where there is none.
-- Params: none
-- Returns: run_after
SELECT min(run_after) AS run_after FROM {table} WHERE status = 5
