-- The other setting of a new connection, in the only form that every version understands.
-- Params: none
-- Returns: nothing
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED
