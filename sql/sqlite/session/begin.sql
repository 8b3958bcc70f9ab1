-- Begins every write. IMMEDIATE takes the write lock before anything is read: a transaction that reads first and
-- writes then fails at once when another one has written in between, however long it would have waited.
-- Params: none
-- Returns: nothing
BEGIN IMMEDIATE
