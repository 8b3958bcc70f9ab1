-- Frees slots, or forgets who waits for one in vain.
-- Params: id
-- Returns: nothing
DELETE FROM {limited} WHERE id = :id
