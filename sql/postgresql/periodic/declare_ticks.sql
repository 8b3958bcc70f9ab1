-- Says that there is a periodic task. A new one begins now, so that nothing of the past runs; so does one whose
-- expression or zone is another by now, except that ticks of the last two seconds are left for whoever enqueues them
-- just then: workers with the old and the new expression may take turns here. A last tick that is still to come was
-- written when the clock was wrong, and would keep the task from running until then.
-- Params: name, task, cron, timezone
-- Returns: nothing
INSERT INTO {ticks} AS t (name, task, cron, timezone, last_tick, declared)
VALUES (:name, :task, :cron, :timezone, statement_timestamp(), statement_timestamp())
    ON CONFLICT (name) DO UPDATE
   SET task = excluded.task,
       cron = excluded.cron,
       timezone = excluded.timezone,
       declared = excluded.declared,
       last_tick = CASE WHEN t.last_tick > excluded.declared + interval '1 hour' THEN excluded.declared
                        WHEN t.cron <> excluded.cron OR t.timezone <> excluded.timezone
                        THEN greatest(t.last_tick, excluded.declared - interval '2 seconds')
                        ELSE t.last_tick END,
       last_task = CASE WHEN t.cron = excluded.cron AND t.timezone = excluded.timezone THEN t.last_task END
