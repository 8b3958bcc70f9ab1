-- Notes each of these unique keys as its task's where nobody has noted it yet, and locks it in any case until the
-- transaction ends, in an order that is the same for all. Who wants the same key waits here, and sees afterwards what
-- has become of it. Returns who each key is noted for.
-- Params: unique_keys, ids, held_fors
-- Returns: unique_key, task_id, held_for
INSERT INTO {keys} AS k (unique_key, task_id, held_for)
SELECT d.unique_key, d.id, d.held_for
  FROM unnest(:unique_keys::text[], :ids::uuid[], :held_fors::float8[]) AS d (unique_key, id, held_for)
 ORDER BY d.unique_key
    ON CONFLICT (unique_key) DO UPDATE SET unique_key = k.unique_key
RETURNING k.unique_key, k.task_id, k.held_for
