-- The periodic tasks, and the clock. One row at least, for the clock. Times are in UTC.
-- Params: none
-- Returns: now, name, task, cron, timezone, last_tick, last_task, declared
SELECT clock.now, t.name, t.task, t.cron, t.timezone, t.last_tick, t.last_task, t.declared
  FROM (SELECT UTC_TIMESTAMP(6) AS now) AS clock
  LEFT JOIN {ticks} AS t ON TRUE
 ORDER BY t.name
