-- Whether the server writes a binary log, and in which form for this session. A server may know neither.
-- Params: none
-- Returns: name, value
SHOW SESSION VARIABLES WHERE Variable_name IN ('binlog_format', 'log_bin')
