-- Shows whether the listening connection still has a server at its other end.
-- Params: none
-- Returns: alive
SELECT true AS alive
