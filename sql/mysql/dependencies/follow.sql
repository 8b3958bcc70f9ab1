-- Notes in tasks that others wait for their end: whoever claims one from now on knows it. A claim's token stays.
-- Params: ids
-- Returns: nothing
UPDATE JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.links = t.links | 4
