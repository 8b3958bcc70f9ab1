-- Level 1: whether a row found by `overdue` is lost still, asked in the transaction that takes it: nobody has renewed it, and
-- its worker does not beat. Before `foreign_cutoff` (NULL: never) a beat does not count any more.
-- Params: id, token, lease, foreign_cutoff, now_utc
-- Returns: id
SELECT id
  FROM {table} AS t
 WHERE status = 1
   AND modified = :token
   AND id BETWEEN :id AND :id
   AND (coalesce(renewed, t.started) IS NOT modified
        OR modified < :foreign_cutoff
        OR NOT EXISTS (SELECT 1 FROM {workers} AS w
                        WHERE w.name = t.claimed_by
                          AND (julianday(:now_utc) - julianday(w.beat)) * 86400.0 < coalesce(w.lease, :lease)))
