-- Copies what no reader needs any more from the write-ahead log into the file, and waits for nobody.
-- Params: none
-- Returns: busy, pages, copied
PRAGMA wal_checkpoint(PASSIVE)
