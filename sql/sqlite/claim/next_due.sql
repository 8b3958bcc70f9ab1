-- The scheduled rows that are due next. A time is a text here, and what is none lies before or behind those that are.
-- Params: limit
-- Returns: id, run_after
SELECT id, run_after FROM {table} WHERE status = 5 AND run_after IS NOT NULL ORDER BY run_after LIMIT :limit
