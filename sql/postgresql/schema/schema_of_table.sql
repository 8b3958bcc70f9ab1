-- The schema of the task table: where the name says none, that of the first table of this name on the search path.
-- Params: table
-- Returns: schema
SELECT n.nspname AS schema
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.oid = to_regclass(:table)
