-- The highest priority below a bound at which each queue has something to claim; of queues that are paused, nothing. Two
-- steps in the index for each queue, however many rows it has: to the next queue, and to that priority of it. Level 1 alone
-- has them.
-- Params: below
-- Returns: queue, priority
WITH RECURSIVE holding (queue) AS (
    SELECT (SELECT queue FROM {table} WHERE status = 0 ORDER BY queue LIMIT 1)
     UNION ALL
    SELECT (SELECT t.queue FROM {table} AS t WHERE t.status = 0 AND t.queue > holding.queue ORDER BY t.queue LIMIT 1)
      FROM holding
     WHERE holding.queue IS NOT NULL
)
SELECT queue,
       (
           SELECT t.priority
             FROM {table} AS t
            WHERE t.status = 0 AND t.queue = holding.queue AND t.priority < :below
            ORDER BY t.priority DESC
            LIMIT 1
       ) AS priority
  FROM holding
 WHERE queue IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM {queues} AS q WHERE q.name = holding.queue AND q.paused)
