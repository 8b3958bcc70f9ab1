-- Locks those of the rows named that are in one of these statuses, for `cancel` and `requeue`, which update exactly
-- these in the same transaction. `statuses` is a list of numbers with commas.
-- Params: ids, statuses
-- Returns: id
SELECT t.id
  FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS d
       STRAIGHT_JOIN {table} AS t ON t.id = d.id
 WHERE FIND_IN_SET(t.status, :statuses)
   FOR UPDATE
