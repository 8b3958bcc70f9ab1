-- Under which limits tasks wait, the next ones in their order: one step in the index for each, however many wait, for the
-- reason given in `list_buckets`.
-- Params: after, count
-- Returns: limit_key
SELECT limit_key
  FROM {limited}
       FORCE INDEX (state)
 WHERE state = 0
   AND limit_key > :after
 GROUP BY state, limit_key
 ORDER BY limit_key
 LIMIT :count
