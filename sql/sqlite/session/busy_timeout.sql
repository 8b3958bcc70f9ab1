-- Never sleep inside SQLite for a lock: its sleeps cannot be interrupted and grow to 100 ms, by which a process that
-- waits long falls behind those that have just come. The connection waits outside instead.
-- Params: none
-- Returns: timeout
PRAGMA busy_timeout = 0
