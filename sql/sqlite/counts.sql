-- Counts rows by task and status, in one pass.
-- Params: none
-- Returns: task, status, count, oldest
SELECT task, status, count(*) AS count, min(modified) AS oldest
  FROM {table}
 GROUP BY task, status
 ORDER BY task, status
