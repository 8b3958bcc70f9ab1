-- Deletes a batch of old ended rows. It never waits for a row that somebody holds.
-- Params: statuses, older_than, limit
-- Returns: count
WITH old AS MATERIALIZED (
    SELECT id
      FROM {table}
     WHERE status = ANY (:statuses::int[])
       AND modified < statement_timestamp() - :older_than * interval '1 second'
     LIMIT :limit
       FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM {table} AS t USING old WHERE t.id = old.id RETURNING 1
)
SELECT count(*) AS count FROM gone
