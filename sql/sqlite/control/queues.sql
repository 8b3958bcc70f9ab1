-- The queues: what they hold by status, and whether they are paused. One that holds nothing has one row, for its state.
-- Params: none
-- Returns: name, paused, status, count
SELECT t.queue AS name, coalesce(q.paused, 0) AS paused, t.status, t.count
  FROM (SELECT queue, status, count(*) AS count FROM {table} WHERE status IN (0, 1, 5) GROUP BY queue, status) AS t
  LEFT JOIN {queues} AS q ON q.name = t.queue
 UNION ALL
SELECT name, paused, NULL, 0
  FROM {queues}
 WHERE name NOT IN (SELECT queue FROM {table} WHERE status IN (0, 1, 5))
