-- The workers that are running or were lost within a day, how long ago each was heard of, and how many tasks it holds.
-- Times are in UTC. Names are compared byte by byte, because the columns' collations may differ.
-- Params: none
-- Returns: name, host, pid, version, queues, concurrency, lease, started, beat, silent, running
SELECT w.name, w.host, w.pid, w.version, w.queues, w.concurrency, w.lease, w.started, w.beat,
       TIMESTAMPDIFF(MICROSECOND, w.beat, UTC_TIMESTAMP(6)) / 1e6 AS silent,
       (SELECT COUNT(*)
          FROM {table} AS t
         WHERE t.status = 1
           AND CAST(t.claimed_by AS BINARY) = CAST(w.name AS BINARY)
           AND t.renewed = t.modified) AS running
  FROM {workers} AS w
 ORDER BY w.started
