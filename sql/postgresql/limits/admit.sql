-- Queues tasks that are set aside until there is a slot for them, in the order of `position`. One that is not any more, because
-- somebody has cancelled it, stays as it is.
-- Rows are locked in the order of their ids, one step in the primary key for each: joined and sorted as a whole, the
-- planner reads the whole primary key, where it has been told to go by indexes; `status + 0` keeps it from reading all that
-- waits instead, by the index of what is due.
-- Params: task_ids, positions, channel
-- Returns: nothing
WITH waiting AS MATERIALIZED (
    SELECT t.id, d.position
      FROM (SELECT id, position FROM unnest(:task_ids::uuid[], :positions::int[]) AS given (id, position) ORDER BY id) AS d
     CROSS JOIN LATERAL (SELECT id
                           FROM {table}
                          WHERE id = d.id
                            AND status + 0 = 5
                            AND run_after IS NULL
                            FOR NO KEY UPDATE) AS t
), admitted AS (
    UPDATE {table} AS t
       SET status = 0,
           modified = statement_timestamp() + waiting.position * interval '1 microsecond'
      FROM waiting
     WHERE t.id = waiting.id
    RETURNING 1
)
SELECT count(*) FROM admitted -- [not notify]
SELECT pg_notify(:channel::text, '') FROM (SELECT FROM admitted LIMIT 1) AS news -- [notify]
