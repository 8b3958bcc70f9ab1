-- The bands that have something to claim: what each queue that is not paused holds at each priority. One step in the
-- index for each of them, however many rows it has: to the next priority of the same queue, or to the next queue. (Of a
-- comparison of both at once SQLite uses only the queue, and walks over all its rows.) Level 1 alone has bands.
-- Params: none
-- Returns: queue, priority
WITH RECURSIVE band (queue, priority) AS (
    SELECT queue, priority
      FROM (SELECT queue, priority FROM {table} WHERE status = 0 ORDER BY queue, priority LIMIT 1)
     UNION ALL
    SELECT t.queue, t.priority
      FROM band
     CROSS JOIN {table} AS t
     WHERE t.rowid = coalesce((SELECT s.rowid
                                 FROM {table} AS s
                                WHERE s.status = 0 AND s.queue = band.queue AND s.priority > band.priority
                                ORDER BY s.priority
                                LIMIT 1),
                              (SELECT s.rowid
                                 FROM {table} AS s
                                WHERE s.status = 0 AND s.queue > band.queue
                                ORDER BY s.queue, s.priority
                                LIMIT 1))
)
SELECT queue, priority
  FROM band
 WHERE queue NOT IN (SELECT name FROM {queues} WHERE paused)
