-- Has the table for itself until the transaction ends, so that nothing is scheduled between the last look and what follows.
-- Params: none
-- Returns: nothing
LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE
