-- Inserts queued rows in the order given: each is one microsecond younger than the one before, because claims
-- follow `modified`. A row that exists already is left alone, so that a repetition after a lost reply is harmless.
-- Where there is a channel, idle workers are notified when it is committed.
-- Params: ids, tasks, args, channel
-- Returns: nothing
WITH added AS (
    INSERT INTO {table} (id, created, modified, task, args, status)
    SELECT d.id, clock.now, clock.now + (d.position - 1) * interval '1 microsecond', d.task, d.args, 0
      FROM unnest(:ids::uuid[], :tasks::text[], :args::text[]) WITH ORDINALITY AS d (id, task, args, position),
           (SELECT statement_timestamp()) AS clock (now)
        ON CONFLICT (id) DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM added -- [not notify]
SELECT pg_notify(:channel::text, '') FROM (SELECT FROM added LIMIT 1) AS news WHERE :channel::text IS NOT NULL -- [notify]
