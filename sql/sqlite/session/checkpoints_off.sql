-- No commit tries a checkpoint: see `checkpoint`, which is run now and then.
-- Params: none
-- Returns: pages
PRAGMA wal_autocheckpoint = 0
