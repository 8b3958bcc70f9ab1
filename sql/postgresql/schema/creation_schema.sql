-- The schema in which a table is made whose name says none: the first on the search path that exists.
-- Params: none
-- Returns: schema
SELECT current_schema() AS schema
