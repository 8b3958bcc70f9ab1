-- Every commit tries a checkpoint once the log has this many pages: what a new connection does anyway.
-- Params: none
-- Returns: pages
PRAGMA wal_autocheckpoint = 1000
