-- Ends a transaction, in one packet with its last statement.
-- Params: none
-- Returns: nothing
COMMIT
