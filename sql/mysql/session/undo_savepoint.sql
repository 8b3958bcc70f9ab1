-- Undoes a part of the caller's transaction, and nothing of what the caller has done before it.
-- Params: none
-- Returns: nothing
ROLLBACK TO SAVEPOINT asyncqueue
