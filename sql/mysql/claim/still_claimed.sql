-- Which claims are still held. It waits for rows that another connection has locked: asked after a connection was lost
-- around its COMMIT, that other one may still be at it.
-- `rows` is JSON: objects with id, token. It is unfolded in a subquery: MySQL wants to lock what JSON_TABLE itself
-- gives, and fails (error 3569).
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
  LOCK IN SHARE MODE
