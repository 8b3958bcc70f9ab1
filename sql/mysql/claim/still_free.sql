-- Which of these rows another session can lock now: `backends/mysql/lock_proof.py`. What it locks is free again when it has
-- answered, because it is a transaction of its own. The ids are unfolded in a subquery as in `lock`.
-- Params: ids
-- Returns: id
SELECT t.id
  FROM (SELECT id FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS j) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   FOR UPDATE SKIP LOCKED
