-- Level 1: when asyncqueue renewed it, NULL since the claim until then: a claim is asyncqueue's where this, or else
-- `started`, is what `modified` is.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} ADD COLUMN renewed datetime NULL
