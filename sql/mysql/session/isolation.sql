-- The other settings of a new connection, in the only form that every version understands. No gap locks, because under
-- REPEATABLE READ a claim blocks INSERTs.
-- Params: none
-- Returns: nothing
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE
