-- The periodic tasks, and the clock. One row at least, for the clock.
-- Params: none
-- Returns: now, name, task, cron, timezone, last_tick, last_task, declared
SELECT clock.now, t.name, t.task, t.cron, t.timezone, t.last_tick, t.last_task, t.declared
  FROM (SELECT statement_timestamp()) AS clock (now)
  LEFT JOIN {ticks} AS t ON true
 ORDER BY t.name
