-- How tasks have ended, and what they have left.
-- Params: ids
-- Returns: id, task, status, output, error
SELECT t.id, t.task, t.status, t.output
       , t.error -- [errors]
       , NULL AS error -- [not errors]
  FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
