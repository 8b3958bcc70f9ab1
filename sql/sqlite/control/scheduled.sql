-- What is scheduled, and when it is due: read for `advance` in the same transaction, because SQLite's own arithmetic of
-- times knows no microseconds.
-- Params: none
-- Returns: rowid_, run_after
SELECT rowid AS rowid_, run_after FROM {table} WHERE status = 5 AND run_after IS NOT NULL
