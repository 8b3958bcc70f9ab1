-- Who waits for a place under each of these limits, the first ones first.
-- Params: limit_keys, counts
-- Returns: id, limit_key, task_id
SELECT held.id, held.limit_key, held.task_id
  FROM unnest(:limit_keys::text[], :counts::int[]) AS d (limit_key, count)
 CROSS JOIN LATERAL (SELECT e.id, e.limit_key, e.task_id
                       FROM {limited} AS e
                      WHERE e.state = 0
                        AND e.limit_key = d.limit_key
                      ORDER BY e.precedence, e.id
                      LIMIT d.count) AS held
