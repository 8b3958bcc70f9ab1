-- Level 1: locks those of the rows found by `overdue` that are lost still, for `end_attempts` in the same transaction: nobody
-- has renewed them, and their worker does not beat. A row that another session has locked is left alone, because its worker
-- could not renew it. `foreign_lease` (NULL: never) is the time after which a beat does not count any more.
-- Params: ids, tokens, lease, foreign_lease
-- Returns: id
SELECT t.id
  FROM unnest(:ids::uuid[], :tokens::timestamptz[]) AS d (id, token)
  JOIN {table} AS t ON t.id = d.id
 WHERE t.status + 0 = 1
   AND t.modified = d.token
   AND (t.renewed IS DISTINCT FROM t.modified
        OR t.modified < statement_timestamp() - :foreign_lease::float8 * interval '1 second'
        OR NOT EXISTS (SELECT FROM {workers} AS w
                        WHERE w.name = t.claimed_by
                          AND w.beat > statement_timestamp() - coalesce(w.lease, :lease::float8) * interval '1 second'))
   FOR NO KEY UPDATE OF t SKIP LOCKED
