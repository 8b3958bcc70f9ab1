-- Counts rows up to a limit, which tells whether the table is small: one that can be written anew in a moment.
-- Params: limit
-- Returns: count
SELECT count(*) AS count FROM (SELECT 1 AS found FROM {table} LIMIT :limit) AS d
