-- The periodic tasks. The clock beside them is the host's. Times are in UTC.
-- Params: none
-- Returns: name, task, cron, timezone, last_tick, last_task, declared
SELECT name, task, cron, timezone, last_tick, last_task, declared
  FROM {ticks}
 ORDER BY name
