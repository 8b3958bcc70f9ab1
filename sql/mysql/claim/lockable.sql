-- Which of these rows no other session has locked. It locks them until its transaction ends, which is at once, and waits for
-- none. The ids are unfolded in a subquery for the reason given in `still_claimed`.
-- Params: ids
-- Returns: id
SELECT t.id
  FROM (SELECT id FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS j) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   FOR UPDATE SKIP LOCKED
