-- Tries to become the one who migrates, for as long as the transaction lasts: behind a PgBouncer that pools transactions
-- nothing else stays with one connection of the server. It must not wait inside the statement: a waiting session holds a
-- snapshot, and CREATE INDEX CONCURRENTLY of the one that has the lock would wait for that.
-- Params: key
-- Returns: locked
SELECT pg_try_advisory_xact_lock(hashtext(:key)) AS locked
