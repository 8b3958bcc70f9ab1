-- Which of these claims are still held: those that `put_off` has left as they were, in the same transaction.
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
