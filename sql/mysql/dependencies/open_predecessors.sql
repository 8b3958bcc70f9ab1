-- Tasks that others still wait for, a batch in the order of their ids.
-- Params: after, limit
-- Returns: predecessor_id
SELECT DISTINCT predecessor_id
  FROM {edges} FORCE INDEX (awaited)
 WHERE open = 1
   AND predecessor_id > :after
 ORDER BY predecessor_id
 LIMIT :limit
