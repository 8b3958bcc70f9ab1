-- Level 1: when asyncqueue claimed or renewed it; a claim is asyncqueue's where this is what `modified` is.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN renewed datetime NULL
