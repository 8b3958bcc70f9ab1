-- Locks those of these tasks that still wait, in the order of their ids: before it is looked what they wait for, or two
-- workers that end the last two predecessors of a task would each see the other's edge open.
-- Params: ids
-- Returns: id, modified
SELECT id, modified
  FROM {table}
 WHERE id = ANY (:ids::uuid[])
   AND status + 0 = 5
   AND links & 2 <> 0
 ORDER BY id
   FOR NO KEY UPDATE
