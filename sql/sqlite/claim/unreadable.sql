-- The running and the scheduled rows whose times are no texts that begin with a digit, and that are thus younger than every
-- time: no rescue comes upon them, and no promotion. What is older than every time is found there.
-- Params: limit
-- Returns: id
SELECT id FROM {table} WHERE status = 1 AND modified >= ':'
 UNION ALL -- [migrated]
SELECT id FROM {table} WHERE status = 5 AND run_after >= ':' -- [migrated]
 LIMIT :limit
