-- Frees slots, or forgets who waits for one in vain.
-- `rows` is JSON, because there are no arrays: objects with id.
-- Params: rows
-- Returns: nothing
DELETE e
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id bigint PATH '$.id')) AS d
       STRAIGHT_JOIN {limited} AS e FORCE INDEX (PRIMARY) ON e.id = d.id
