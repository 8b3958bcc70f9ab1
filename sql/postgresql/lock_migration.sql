-- Tries to become the one who migrates. It must not wait inside the statement: a waiting session holds a snapshot,
-- and CREATE INDEX CONCURRENTLY of the session that has the lock would wait for that snapshot.
-- Params: key
-- Returns: locked
SELECT pg_try_advisory_lock(hashtext(:key)) AS locked
