-- Locks those claims that are still held, for `end_attempts` and `record_attempts`, which write exactly these in the same
-- transaction. They are unfolded in a subquery for the reason given in `still_claimed`.
-- `rows` is JSON, because there are no arrays: objects with id, token.
-- Params: rows
-- Returns: id
SELECT t.id
  FROM (
           SELECT id, token
             FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id {id_type} PATH '$.id', token datetime(6) PATH '$.token')) AS j
       ) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
 WHERE t.status = 1
   AND t.modified = d.token
   FOR UPDATE
