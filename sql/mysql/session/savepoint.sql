-- Begins a part of the caller's transaction that can be undone by itself.
-- Params: none
-- Returns: nothing
SAVEPOINT asyncqueue
