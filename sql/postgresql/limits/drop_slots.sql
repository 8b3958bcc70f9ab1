-- Frees slots, or forgets who waits for one in vain.
-- Params: ids
-- Returns: nothing
DELETE FROM {limited} WHERE id = ANY (:ids::bigint[])
