-- Inserts rows in the order given: each is one microsecond younger than the one before, because claims
-- follow `modified`. A row that exists already is left alone, so that a repetition after a lost reply is harmless.
-- Where there is a channel, idle workers are notified when it is committed.
-- Level 1: a row with a time to come (`run_ats`, or `delays` in seconds from now) is scheduled, the others are queued.
-- One that needs a slot under a limit (`links` & 1) is scheduled in any case, for now where it has no time; one
-- that waits for others (2) likewise, but without a time where it has none.
-- Params: ids, tasks, args, queues, priorities, delays, run_ats, max_attempts, links, limit_keys, channel
-- Returns: nothing
WITH added AS (
    INSERT INTO {table} (id, created, modified, task, args, status
                         , queue, priority, max_attempts, run_after -- [migrated]
                         , links, limit_key -- [migrated]
                         )
    SELECT d.id, clock.now, clock.now + (d.position - 1) * interval '1 microsecond', d.task, d.args
           , 0 -- [not migrated]
           , CASE WHEN due.at > clock.now OR d.links & 3 <> 0 THEN 5 ELSE 0 END -- [migrated]
           , d.queue, d.priority, d.max_attempts -- [migrated]
           , CASE WHEN due.at > clock.now OR d.links & 2 <> 0 THEN due.at WHEN d.links & 1 <> 0 THEN clock.now END -- [migrated]
           , d.links, d.limit_key -- [migrated]
      FROM (SELECT statement_timestamp()) AS clock (now)
     CROSS JOIN unnest(:ids::uuid[], :tasks::text[], :args::text[]) -- [not migrated]
                WITH ORDINALITY AS d (id, task, args, position) -- [not migrated]
     CROSS JOIN unnest(:ids::uuid[], :tasks::text[], :args::text[], :queues::text[], :priorities::int[], -- [migrated]
                       :delays::float8[], :run_ats::timestamptz[], :max_attempts::int[] -- [migrated]
                       , :links::int[], :limit_keys::text[] -- [migrated]
                       ) -- [migrated]
                WITH ORDINALITY AS d (id, task, args, queue, priority, delay, run_at, max_attempts -- [migrated]
                                      , links, limit_key -- [migrated]
                                      , position) -- [migrated]
     CROSS JOIN LATERAL (SELECT coalesce(d.run_at, clock.now + d.delay * interval '1 second')) AS due (at) -- [migrated]
        ON CONFLICT (id) DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM added -- [not notify]
SELECT pg_notify(:channel::text, '') FROM (SELECT FROM added LIMIT 1) AS news WHERE :channel::text IS NOT NULL -- [notify]
