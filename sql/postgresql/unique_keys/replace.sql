-- Makes a scheduled task what a later one with its unique key asks for, and holds the key for as long as that wants.
-- Its attempts count from 0 again. One that is not scheduled any more stays as it is. What the first one was to run after,
-- and has written, is no matter of the later one.
-- Params: id, task, args, queue, priority, delay, run_at, max_attempts, links, limit_key, unique_key, held_for, channel
-- Returns: nothing
WITH replaced AS (
    UPDATE {table} AS t
       SET task = :task,
           args = :args,
           status = CASE WHEN due.at > clock.now OR :links::int & 3 <> 0 THEN 5 ELSE 0 END,
           links = :links::int | (t.links & 12), limit_key = :limit_key, written = NULL,
           modified = clock.now,
           queue = :queue,
           priority = :priority,
           max_attempts = :max_attempts,
           run_after = CASE WHEN due.at > clock.now OR :links::int & 2 <> 0 THEN due.at
                            WHEN :links::int & 1 <> 0 THEN clock.now END,
           attempt = 0,
           losses = 0
      FROM (SELECT statement_timestamp()) AS clock (now)
     CROSS JOIN LATERAL (
               SELECT coalesce(:run_at::timestamptz, clock.now + :delay::float8 * interval '1 second')
           ) AS due (at)
     WHERE t.id = :id
       AND t.status = 5
    RETURNING t.id
), held AS (
    UPDATE {keys} SET held_for = :held_for::float8 FROM replaced WHERE unique_key = :unique_key
), forgotten AS (
    DELETE FROM {edges} AS e USING replaced WHERE e.task_id = replaced.id
)
SELECT count(*) FROM replaced -- [not notify]
SELECT pg_notify(:channel::text, '') FROM replaced WHERE :channel::text IS NOT NULL -- [notify]
