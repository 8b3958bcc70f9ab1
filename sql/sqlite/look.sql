-- The bands that have something to claim: what each queue that is not paused holds at each priority. One step in the
-- index for each of them, however many rows it has. Level 1 alone has bands.
-- Params: none
-- Returns: queue, priority
WITH RECURSIVE band (queue, priority) AS (
    SELECT queue, priority
      FROM (SELECT queue, priority FROM {table} WHERE status = 0 ORDER BY queue, priority LIMIT 1)
     UNION ALL
    SELECT (SELECT queue
              FROM {table}
             WHERE status = 0 AND (queue, priority) > (band.queue, band.priority)
             ORDER BY queue, priority
             LIMIT 1),
           (SELECT priority
              FROM {table}
             WHERE status = 0 AND (queue, priority) > (band.queue, band.priority)
             ORDER BY queue, priority
             LIMIT 1)
      FROM band
     WHERE band.queue IS NOT NULL
)
SELECT queue, priority
  FROM band
 WHERE queue IS NOT NULL
   AND queue NOT IN (SELECT name FROM {queues} WHERE paused)
