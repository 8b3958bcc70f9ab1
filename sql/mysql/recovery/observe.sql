-- The database's clock, and what stands in the rows a worker believes it holds. One row at least, for the clock.
-- Params: ids
-- Returns: now, id, status, modified
SELECT clock.now, t.id, t.status, t.modified
  FROM (SELECT UTC_TIMESTAMP(6) AS now) AS clock
  LEFT JOIN (
           JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS d
           STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
       ) ON TRUE
