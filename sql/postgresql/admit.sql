-- Queues tasks that are set aside until there is a place for them, in the order of `place`. One that is not any more, because
-- somebody has cancelled it, stays as it is.
-- Params: task_ids, places, channel
-- Returns: nothing
WITH waiting AS MATERIALIZED (
    SELECT t.id, d.place
      FROM unnest(:task_ids::uuid[], :places::int[]) AS d (id, place)
      JOIN {table} AS t ON t.id = d.id
     WHERE t.status = 5
       AND t.run_after IS NULL
     ORDER BY t.id
       FOR NO KEY UPDATE OF t
), admitted AS (
    UPDATE {table} AS t
       SET status = 0,
           modified = statement_timestamp() + waiting.place * interval '1 microsecond'
      FROM waiting
     WHERE t.id = waiting.id
    RETURNING 1
)
SELECT count(*) FROM admitted -- [not notify]
SELECT pg_notify(:channel::text, '') FROM (SELECT FROM admitted LIMIT 1) AS news -- [notify]
