-- A commit is on the disk when it returns, and so survives a crash of the machine, not of the process alone.
-- Params: none
-- Returns: nothing
PRAGMA synchronous = FULL
