-- Queues tasks that `lock_waiting` has locked, because all that they waited for has ended, in the order given. One that
-- needs a slot under a limit is due now instead, so that it is set aside for that. Where there is a channel, idle workers
-- are notified.
-- Params: ids, channel
-- Returns: nothing
WITH queued AS (
    UPDATE {table} AS t
       SET status = CASE WHEN t.links & 1 = 0 THEN 0 ELSE 5 END,
           run_after = CASE WHEN t.links & 1 = 0 THEN NULL ELSE statement_timestamp() END,
           links = t.links & ~2,
           modified = statement_timestamp() + d.position * interval '1 microsecond'
      FROM unnest(:ids::uuid[]) WITH ORDINALITY AS d (id, position)
     WHERE t.id = d.id
    RETURNING 1
)
SELECT count(*) FROM queued WHERE :channel::text IS NOT NULL -- [not notify]
SELECT pg_notify(:channel::text, '') FROM (SELECT FROM queued LIMIT 1) AS news -- [notify]
