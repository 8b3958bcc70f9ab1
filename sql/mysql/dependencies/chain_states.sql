-- How tasks are that others wait for. What is missing is gone.
-- Params: ids
-- Returns: id, task, status, links
SELECT t.id, t.task, t.status, t.links
  FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
