-- Undoes a transaction.
-- Params: none
-- Returns: nothing
ROLLBACK
