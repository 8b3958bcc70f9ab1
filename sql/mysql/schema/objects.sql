-- The tables of a database. There are no triggers of ours here.
-- Params: schema
-- Returns: kind, name
SELECT 'table' AS kind, TABLE_NAME AS name
  FROM information_schema.TABLES
 WHERE TABLE_SCHEMA = COALESCE(:schema, DATABASE())
