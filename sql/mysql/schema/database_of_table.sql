-- The database of the task table, and whether the server takes names that differ only in case for the same name: with
-- lower_case_table_names = 1 it stores all names in lower case, with 2 it compares them so.
-- Params: schema
-- Returns: schema, folds
SELECT COALESCE(:schema, DATABASE()) AS `schema`, @@lower_case_table_names <> 0 AS folds
