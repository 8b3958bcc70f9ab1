-- Begins a transaction, in one packet with its first statement.
-- Params: none
-- Returns: nothing
START TRANSACTION
