-- The table's columns, their types, and what the whole table is; no rows where there is no such table.
-- Params: schema, table
-- Returns: name, type, length, charset, collation, engine
SELECT c.COLUMN_NAME AS name,
       c.COLUMN_TYPE AS type,
       c.CHARACTER_MAXIMUM_LENGTH AS length,
       c.CHARACTER_SET_NAME AS charset,
       c.COLLATION_NAME AS collation,
       t.ENGINE AS engine
  FROM information_schema.COLUMNS AS c
  JOIN information_schema.TABLES AS t USING (TABLE_SCHEMA, TABLE_NAME)
 WHERE TABLE_SCHEMA = COALESCE(:schema, DATABASE())
   AND TABLE_NAME = :table
