-- Which of these tables there are, and which triggers are on the task table.
-- Params: table, names
-- Returns: kind, name
SELECT 'table' AS kind, name FROM unnest(:names::text[]) AS name WHERE to_regclass(name) IS NOT NULL
UNION ALL
SELECT 'trigger', tgname::text FROM pg_trigger WHERE tgrelid = to_regclass(:table) AND NOT tgisinternal
