-- The second half of a clean-up: deletes those of these rows that are still old, and at level 1 what was kept of their
-- attempts and of what they have waited for. It never waits for a row that somebody holds. A completed row stays as long
-- as it holds its unique key: `links` has the minutes, see `KEPT_FROM`. One whose end others have not been told of stays:
-- of what is gone nobody knows that it completed. OFFSET 0 has that looked up row by row in the index that begins with the
-- predecessor, whatever the planner believes of the table.
-- Params: ids, completed, failed, cancelled
-- Returns: count
WITH old AS MATERIALIZED (
    SELECT id
      FROM {table} AS t
     WHERE id = ANY (:ids::uuid[])
       AND modified < statement_timestamp() - CASE status
                                                  WHEN 2 THEN :completed::float8
                                                  WHEN 3 THEN :failed::float8
                                                  WHEN 4 THEN :cancelled::float8
                                              END * interval '1 second'
       AND (status <> 2 OR links < 32 OR modified < statement_timestamp() - (links >> 5) * interval '1 minute') -- [migrated]
       AND NOT EXISTS (SELECT FROM {edges} AS e WHERE e.open = 1 AND e.predecessor_id = t.id OFFSET 0) -- [migrated]
       FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM {table} AS t USING old WHERE t.id = old.id RETURNING t.id
), attempts_gone AS ( -- [migrated]
    DELETE FROM {attempts} AS a USING gone WHERE a.task_id = gone.id -- [migrated]
), edges_gone AS ( -- [migrated]
    DELETE FROM {edges} AS e USING gone WHERE e.task_id = gone.id -- [migrated]
)
SELECT count(*) AS count FROM gone
