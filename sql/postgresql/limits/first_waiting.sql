-- Who waits for a slot under each of these limits, the first ones first, and for how many seconds each has.
-- Those of `paused` queues are passed over, and where `served` is not NULL, those of every queue that is not in it.
-- Params: limit_keys, counts, paused, served
-- Returns: id, limit_key, task_id, waited
SELECT held.id, held.limit_key, held.task_id,
       extract(epoch FROM statement_timestamp() - held.held_at)::float8 AS waited
  FROM unnest(:limit_keys::text[], :counts::int[]) AS d (limit_key, count)
 CROSS JOIN LATERAL (SELECT e.id, e.limit_key, e.task_id, e.held_at
                       FROM {limited} AS e
                      WHERE e.state = 0
                        AND e.limit_key = d.limit_key
                        AND e.queue <> ALL (:paused::text[])
                        AND (:served::text[] IS NULL OR e.queue = ANY (:served::text[]))
                      ORDER BY e.precedence, e.id
                      LIMIT d.count) AS held
