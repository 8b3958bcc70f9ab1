-- Locks those of these tasks that still wait, in the order of their ids: before it is looked what they wait for, or two
-- workers that end the last two predecessors of a task would each see the other's edge open. The ids are
-- unfolded in a subquery: MySQL wants to lock what JSON_TABLE itself gives, and fails (error 3569).
-- Params: ids
-- Returns: id, modified
SELECT t.id, t.modified
  FROM (SELECT id FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS j) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
 WHERE t.status = 5
   AND t.links & 2 <> 0
   FOR UPDATE
