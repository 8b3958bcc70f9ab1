-- Tries to become the one who migrates. The lock belongs to the connection and is server-wide: the key has the database.
-- Params: key
-- Returns: locked
SELECT GET_LOCK(:key, 0) AS locked
