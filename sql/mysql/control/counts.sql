-- Counts rows by task and status, in one pass. Grouped in a binary collation: paths are case-sensitive.
-- Params: none
-- Returns: path, status, count, oldest
SELECT CONVERT(task USING utf8mb4) COLLATE utf8mb4_bin AS path, status, COUNT(*) AS count,
       MIN(modified) AS oldest -- [not migrated]
       MIN(CASE WHEN status = 1 THEN coalesce(started, modified) ELSE modified END) AS oldest -- [migrated]
  FROM {table}
 GROUP BY path, status
 ORDER BY path, status
