-- The table's columns and their types, unquoted whatever the session's settings are; no rows where there is no such
-- table on the search path.
-- Params: table
-- Returns: name, type
SELECT attname AS name, trim('"' FROM format_type(atttypid, NULL)) AS type
  FROM pg_attribute
 WHERE attrelid = to_regclass(:table)
   AND attnum > 0
   AND NOT attisdropped
