-- Deletes a batch of old ended rows, and at level 1 what was kept of their attempts. It never waits for a row that
-- somebody holds.
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
    DELETE FROM {table} AS t USING old WHERE t.id = old.id RETURNING t.id
), attempts_gone AS ( -- [migrated]
    DELETE FROM {attempts} AS a USING gone WHERE a.task_id = gone.id -- [migrated]
)
SELECT count(*) AS count FROM gone
