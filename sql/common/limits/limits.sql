-- The limits of all functions, with how many keys there are, how many slots are taken and how many tasks wait.
-- Params: none
-- Returns: name, capacity, rate_count, rate_period, key_count, running, held
SELECT l.name, l.capacity, l.rate_count, l.rate_period,
       count(DISTINCT CASE WHEN e.state < 2 THEN e.limit_key END) AS key_count,
       count(CASE WHEN e.state = 1 THEN 1 END) AS running,
       count(CASE WHEN e.state = 0 THEN 1 END) AS held
  FROM {limits} AS l
  LEFT JOIN {limited} AS e ON e.name = l.name
 GROUP BY l.name, l.capacity, l.rate_count, l.rate_period
 ORDER BY l.name
