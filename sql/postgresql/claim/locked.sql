-- Which of these rows other sessions have locked. It locks those that are free, for as long as the statement takes, and waits
-- for none. A row that is gone is not locked.
-- Params: ids
-- Returns: id
WITH free AS MATERIALIZED (
    SELECT t.id
      FROM unnest(:ids::uuid[]) AS d (id)
      JOIN {table} AS t ON t.id = d.id
       FOR NO KEY UPDATE OF t SKIP LOCKED
)
SELECT t.id
  FROM unnest(:ids::uuid[]) AS d (id)
  JOIN {table} AS t ON t.id = d.id
 WHERE t.id NOT IN (SELECT id FROM free)
