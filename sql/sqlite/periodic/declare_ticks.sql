-- Says that there is a periodic task. A new one begins now, so that nothing of the past runs; so does one whose
-- expression or zone is another by now, except that ticks of the last two seconds (`just_now`) are left for whoever
-- enqueues them just then: workers with the old and the new expression may take turns here. A last tick that is still
-- to come, after `soon`, was written when the clock was wrong, and would keep the task from running until then.
-- Times are in UTC.
-- Params: name, task, cron, timezone, now_utc, just_now, soon
-- Returns: nothing
INSERT INTO {ticks} (name, task, cron, timezone, last_tick, declared)
VALUES (:name, :task, :cron, :timezone, :now_utc, :now_utc)
    ON CONFLICT (name) DO UPDATE
   SET task = excluded.task,
       cron = excluded.cron,
       timezone = excluded.timezone,
       declared = excluded.declared,
       last_tick = CASE WHEN last_tick > :soon THEN :now_utc
                        WHEN cron <> excluded.cron OR timezone <> excluded.timezone THEN max(last_tick, :just_now)
                        ELSE last_tick END,
       last_task = CASE WHEN cron = excluded.cron AND timezone = excluded.timezone THEN last_task END
