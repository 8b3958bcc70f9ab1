-- The queues: what they hold by status, and whether they are paused. One that is known beside its tasks has one row more,
-- for its state: there is no FULL JOIN here.
-- Params: none
-- Returns: name, paused, status, count
SELECT t.queue AS name, COALESCE(q.paused, FALSE) AS paused, t.status, t.count
  FROM (SELECT queue, status, COUNT(*) AS count FROM {table} WHERE status IN (0, 1, 5) GROUP BY queue, status) AS t
  LEFT JOIN {queues} AS q ON q.name = t.queue
 UNION ALL
SELECT name, paused, NULL, 0
  FROM {queues}
