-- The queues: what they hold by status, and whether they are paused. One that holds nothing has one row, for its state.
-- Params: none
-- Returns: name, paused, status, count
SELECT coalesce(t.queue, q.name) AS name, coalesce(q.paused, false) AS paused, t.status, coalesce(t.count, 0) AS count
  FROM (SELECT queue, status, count(*) AS count FROM {table} WHERE status IN (0, 1, 5) GROUP BY queue, status) AS t
  FULL JOIN {queues} AS q ON q.name = t.queue
 ORDER BY name, t.status
