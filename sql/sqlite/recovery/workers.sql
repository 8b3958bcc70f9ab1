-- The workers that are running or were lost within a day, and how many tasks each holds. Times are in UTC.
-- Params: none
-- Returns: name, host, pid, version, queues, concurrency, lease, started, beat, running
SELECT w.name, w.host, w.pid, w.version, w.queues, w.concurrency, w.lease, w.started, w.beat,
       (SELECT count(*) FROM {table} AS t WHERE t.status = 1 AND t.claimed_by = w.name AND coalesce(t.renewed, t.started) = t.modified) AS running
  FROM {workers} AS w
 ORDER BY w.started
