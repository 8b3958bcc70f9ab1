-- Whether tasks wait for a slot under a limit, and whether tasks wait for others: one step in an index for each.
-- Params: none
-- Returns: held, awaited
SELECT (SELECT limit_key FROM {limited} WHERE state = 0 ORDER BY limit_key LIMIT 1) IS NOT NULL AS held,
       (SELECT predecessor_id FROM {edges} WHERE open = 1 ORDER BY predecessor_id LIMIT 1) IS NOT NULL AS awaited
