-- Locks those of these tasks that do not know yet that others wait for them, for `follow`. One that somebody writes at this
-- moment is left out: a worker's whole batch of ends must not wait for this, nor this for it.
-- Params: ids
-- Returns: id, status
SELECT t.id, t.status
  FROM (SELECT id FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS j) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
 WHERE t.links & 4 = 0
   FOR UPDATE SKIP LOCKED
