-- The second half of a clean-up: deletes the rows that `prunable` has locked.
-- Params: ids
-- Returns: nothing
DELETE t
  FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
