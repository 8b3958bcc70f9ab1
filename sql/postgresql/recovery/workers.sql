-- The workers that are running or were lost within a day, how long ago each was heard of, and how many tasks it holds.
-- Params: none
-- Returns: name, host, pid, version, queues, concurrency, lease, started, beat, silent, running
SELECT w.name, w.host, w.pid, w.version, w.queues, w.concurrency, w.lease, w.started, w.beat,
       extract(epoch FROM statement_timestamp() - w.beat)::float8 AS silent,
       (SELECT count(*) FROM {table} AS t WHERE t.status = 1 AND t.claimed_by = w.name AND t.renewed = t.modified) AS running
  FROM {workers} AS w
 ORDER BY w.started
