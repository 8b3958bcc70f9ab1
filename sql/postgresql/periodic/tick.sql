-- Enqueues the task of one tick, if nobody has done so for this tick or a later one: whoever moves `last_tick` on
-- inserts the row. Of two that try at once the second waits, and then finds it moved. A repetition after a lost reply
-- finds its own task. Where there is a channel, idle workers are notified.
-- Params: name, at, id, task, args, queue, priority, channel
-- Returns: moved, notified
WITH moved AS (
    UPDATE {ticks}
       SET last_tick = :at, last_task = :id
     WHERE name = :name AND (last_tick < :at OR last_task = :id)
    RETURNING 1
), added AS (
    INSERT INTO {table} (id, created, modified, task, args, status, queue, priority)
    SELECT :id::uuid, statement_timestamp(), statement_timestamp(), :task::text, :args::text, 0, :queue::text, :priority::int
      FROM moved
        ON CONFLICT (id) DO NOTHING
)
SELECT (SELECT count(*) FROM moved) AS moved
       , (SELECT pg_notify(:channel::text, '') FROM moved) AS notified -- [notify]
