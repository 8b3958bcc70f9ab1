-- Locks those of the rows named that are in one of these statuses, for `cancel` and `requeue`, which update exactly
-- these in the same transaction. `statuses` is a list of numbers with commas. The ids are
-- unfolded in a subquery: MySQL wants to lock what JSON_TABLE itself gives, and fails (error 3569).
-- Params: ids, statuses
-- Returns: id
SELECT t.id
  FROM (SELECT id FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS j) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
 WHERE FIND_IN_SET(t.status, :statuses)
   FOR UPDATE
