-- Undoes a transaction of which only the caller knows that it must not be.
-- Params: none
-- Returns: nothing
ROLLBACK
