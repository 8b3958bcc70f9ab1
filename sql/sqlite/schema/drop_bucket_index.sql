-- Removes an index that is not needed any more.
-- Params: none
-- Returns: nothing
DROP INDEX IF EXISTS {bucket_index}
