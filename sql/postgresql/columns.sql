-- The table's columns and their types; no rows where there is no such table on the search path.
-- Params: table
-- Returns: name, type
SELECT attname AS name, format_type(atttypid, NULL) AS type
  FROM pg_attribute
 WHERE attrelid = to_regclass(:table)
   AND attnum > 0
   AND NOT attisdropped
