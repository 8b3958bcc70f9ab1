-- Bytes of the write-ahead log's file that stay when the log begins anew. After a long read, which makes it grow,
-- the disk has its room back.
-- Params: none
-- Returns: limit
PRAGMA journal_size_limit = 67108864
