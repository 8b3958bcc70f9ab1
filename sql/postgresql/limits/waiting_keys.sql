-- Under which limits tasks wait, the next ones in their order: one step in the index for each, however many wait.
-- Params: after, count
-- Returns: limit_key
WITH RECURSIVE held (limit_key) AS (
    (SELECT limit_key FROM {limited} WHERE state = 0 AND limit_key > :after ORDER BY limit_key LIMIT 1)
     UNION ALL
    SELECT (SELECT e.limit_key
              FROM {limited} AS e
             WHERE e.state = 0
               AND e.limit_key > held.limit_key
             ORDER BY e.limit_key
             LIMIT 1)
      FROM held
     WHERE held.limit_key IS NOT NULL
)
SELECT limit_key FROM held WHERE limit_key IS NOT NULL LIMIT :count
