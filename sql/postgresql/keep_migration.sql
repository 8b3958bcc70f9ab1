-- Follows `lock_migration` where that has the lock: nobody is to end the transaction because nothing happens in it. It is
-- sent without being prepared, which closes what that statement was read by, and with it the snapshot.
-- Params: none
-- Returns: nothing
SET LOCAL idle_in_transaction_session_timeout = 0
