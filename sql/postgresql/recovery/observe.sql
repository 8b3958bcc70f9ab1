-- The database's clock, and what stands in the rows a worker believes it holds. One row at least, for the clock.
-- Params: ids
-- Returns: now, id, status, modified
SELECT clock.now, t.id, t.status, t.modified
  FROM (SELECT statement_timestamp()) AS clock (now)
  LEFT JOIN {table} AS t ON t.id = ANY (:ids::uuid[])
