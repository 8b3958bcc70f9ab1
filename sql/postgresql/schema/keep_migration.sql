-- Follows `lock_migration` where that has the lock: nobody is to end the transaction because it takes long, or because
-- nothing happens in it. Not every server has both settings. It is sent without being prepared, which closes what that
-- statement was read by, and with it the snapshot.
-- Params: none
-- Returns: nothing
SELECT set_config(name, '0', true)
  FROM pg_settings
 WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')
