-- The table's indexes. SQLite makes one whole or not at all.
-- Params: table
-- Returns: name, valid
SELECT name, 1 AS valid FROM pragma_index_list(:table)
