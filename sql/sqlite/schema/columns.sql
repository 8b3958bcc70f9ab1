-- The table's columns and their types; no rows where there is no such table.
-- Params: table
-- Returns: name, type
SELECT name, lower(type) AS type FROM pragma_table_info(:table)
