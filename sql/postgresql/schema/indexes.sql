-- The table's indexes; one that a broken CREATE INDEX CONCURRENTLY left behind is not valid.
-- Params: table
-- Returns: name, valid
SELECT c.relname AS name, i.indisvalid AS valid
  FROM pg_index AS i
  JOIN pg_class AS c ON c.oid = i.indexrelid
 WHERE i.indrelid = to_regclass(:table)
