-- Level 1: locks those of the rows found by `overdue` that are lost still, for `end_attempts` in the same transaction: nobody
-- has renewed them, and their worker does not beat. A row that another session has locked is left alone, because its worker
-- could not renew it. Before `foreign_cutoff` (NULL: never) a beat does not count any more.
-- `rows` is JSON, because there are no arrays: objects with id, token. They are unfolded in a subquery for the reason given
-- in `still_claimed`; names are compared byte by byte, because the columns' collations may differ.
-- Params: rows, lease, foreign_cutoff
-- Returns: id
SELECT t.id
  FROM (
           SELECT id, token
             FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id {id_type} PATH '$.id', token datetime(6) PATH '$.token')) AS j
       ) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
 WHERE t.status = 1
   AND t.modified = d.token
   AND (NOT (t.renewed <=> t.modified)
        OR t.modified < :foreign_cutoff
        OR NOT EXISTS (SELECT 1 FROM {workers} AS w
                        WHERE CAST(w.name AS BINARY) = CAST(t.claimed_by AS BINARY)
                          AND w.beat > UTC_TIMESTAMP(6) - INTERVAL ROUND(COALESCE(w.lease, :lease) * 1000000) MICROSECOND))
   FOR UPDATE SKIP LOCKED
