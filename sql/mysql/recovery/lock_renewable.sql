-- The first half of a renewal: locks those claims that are still held, and that no other session has locked. `renew`
-- updates exactly these, in the same transaction. A locked row is left for the next time: the leases of the others must
-- not end meanwhile. A row that has the new token already was renewed before, and the reply was lost.
-- `rows` is JSON, because there are no arrays: objects with id, token. They are unfolded in a subquery for the reason given
-- in `still_claimed`.
-- Params: rows, now
-- Returns: id
SELECT t.id
  FROM (
           SELECT id, token
             FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id {id_type} PATH '$.id', token datetime(6) PATH '$.token')) AS j
       ) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
 WHERE t.status = 1
   AND t.modified IN (d.token, :now)
   FOR UPDATE SKIP LOCKED
