-- Counts rows by task and status, in one pass.
-- Params: none
-- Returns: task, status, count, oldest
SELECT task, status, count(*) AS count,
       min(modified) AS oldest -- [not migrated]
       min(CASE WHEN status = 1 THEN coalesce(started, modified) ELSE modified END) AS oldest -- [migrated]
  FROM {table}
 GROUP BY task, status
 ORDER BY task, status
