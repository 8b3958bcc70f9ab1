-- Locks those of these tasks that do not know yet that others wait for them, for `follow`. One that somebody writes at this
-- moment is left out: a worker's whole batch of ends must not wait for this, nor this for it.
-- Params: ids
-- Returns: id, status
SELECT id, status
  FROM {table}
 WHERE id = ANY (:ids::uuid[])
   AND links & 4 = 0
 ORDER BY id
   FOR NO KEY UPDATE SKIP LOCKED
