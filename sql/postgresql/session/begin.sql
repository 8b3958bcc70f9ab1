-- Begins a transaction of several statements, whatever the server, the database or the role has as its defaults: each
-- statement sees what was committed while the one before waited for a lock. A session that waits for a lock, or whose
-- client is frozen, is not in the way of others for longer than this; `lock_timeout` and `idle_timeout` are in ms.
-- Params: none
-- Returns: nothing
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL lock_timeout = {lock_timeout};
SET LOCAL idle_in_transaction_session_timeout = {idle_timeout}
