-- Brings a row that `scheduled` has just read forward, as if time had passed: for tests of applications.
-- Params: rowid, run_after
-- Returns: nothing
UPDATE {table} SET run_after = :run_after WHERE rowid = :rowid
