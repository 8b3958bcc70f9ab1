-- The first half of a clean-up: looks at a batch of rows in the order of their ids, from where the last one ended, and
-- says which are old. There is no index of ended rows: this costs those nothing that are never cleaned up. An age of
-- NULL is never reached, and a row that has not ended has none.
-- Params: after, limit, completed, failed, cancelled
-- Returns: seen, last, now, ids
WITH seen AS MATERIALIZED (
    SELECT id, status, modified
      FROM {table}
     WHERE id > :after
     ORDER BY id
     LIMIT :limit
)
SELECT count(*) AS seen,
       (SELECT id FROM seen ORDER BY id DESC LIMIT 1) AS last,
       statement_timestamp() AS now,
       array_agg(id) FILTER (WHERE modified < statement_timestamp() - CASE status
                                               WHEN 2 THEN :completed::float8
                                               WHEN 3 THEN :failed::float8
                                               WHEN 4 THEN :cancelled::float8
                                           END * interval '1 second') AS ids
  FROM seen
