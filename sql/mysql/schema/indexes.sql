-- The table's indexes.
-- Params: schema, table
-- Returns: name
SELECT DISTINCT INDEX_NAME AS name
  FROM information_schema.STATISTICS
 WHERE TABLE_SCHEMA = COALESCE(:schema, DATABASE())
   AND TABLE_NAME = :table
