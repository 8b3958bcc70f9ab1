-- Ends a part of the caller's transaction that is to stand.
-- Params: none
-- Returns: nothing
RELEASE SAVEPOINT asyncqueue
