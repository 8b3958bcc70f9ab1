-- Notes unique keys as other tasks' now, under the locks of `hold_keys`.
-- Params: unique_keys, ids, held_fors
-- Returns: nothing
UPDATE {keys} AS k
   SET task_id = d.id,
       held_for = d.held_for
  FROM unnest(:unique_keys::text[], :ids::uuid[], :held_fors::float8[]) AS d (unique_key, id, held_for)
 WHERE k.unique_key = d.unique_key
