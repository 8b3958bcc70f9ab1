-- Says that there is a periodic task. A new one begins now, so that nothing of the past runs; so does one whose
-- expression or zone is another by now, except that ticks of the last two seconds are left for whoever enqueues them
-- just then: workers with the old and the new expression may take turns here. A last tick that is still to come was
-- written when the clock was wrong, and would keep the task from running until then. Times are in UTC.
-- Each column is assigned after those that are found out from its old value: MySQL goes from left to right.
-- Params: name, task, cron, timezone
-- Returns: nothing
INSERT INTO {ticks} (name, task, cron, timezone, last_tick, declared)
VALUES (:name, :task, :cron, :timezone, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))
    ON DUPLICATE KEY UPDATE
       last_task = IF(cron = :cron AND timezone = :timezone, last_task, NULL),
       last_tick = CASE WHEN last_tick > UTC_TIMESTAMP(6) + INTERVAL 1 HOUR THEN UTC_TIMESTAMP(6)
                        WHEN cron <> :cron OR timezone <> :timezone
                        THEN GREATEST(last_tick, UTC_TIMESTAMP(6) - INTERVAL 2 SECOND)
                        ELSE last_tick END,
       task = :task,
       cron = :cron,
       timezone = :timezone,
       declared = UTC_TIMESTAMP(6)
