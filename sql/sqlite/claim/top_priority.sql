-- The highest priority below a bound at which a queue has something to claim; nothing where it has none, or is paused. One
-- step in the index, however many rows there are. Level 1 alone has queues.
-- Params: queue, below
-- Returns: priority
SELECT priority
  FROM {table}
 WHERE status = 0
   AND queue = :queue
   AND priority < :below
   AND NOT EXISTS (SELECT 1 FROM {queues} WHERE name = :queue AND paused)
 ORDER BY priority DESC
 LIMIT 1
