-- Readers do not wait for the writer, nor it for them. The file keeps the mode; Django and others open it as before.
-- Params: none
-- Returns: journal_mode
PRAGMA journal_mode = WAL
