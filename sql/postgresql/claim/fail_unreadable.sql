-- Fails the queued and the running rows whose `modified` is no time that Python can hold (infinity, or a year before the
-- first or after 9999): no claim takes them, and no rescue. They lie at the two ends of the indexes; at level 1 of each
-- bucket, and there is one step in the index for each. What another session has locked is left for the next time.
-- Params: error, limit
-- Returns: id
WITH RECURSIVE bucket AS ( -- [migrated]
    (SELECT queue, priority FROM {table} WHERE status = 0 ORDER BY queue, priority LIMIT 1) -- [migrated]
     UNION ALL -- [migrated]
    SELECT later.queue, later.priority -- [migrated]
      FROM bucket -- [migrated]
     CROSS JOIN LATERAL (SELECT t.queue, t.priority -- [migrated]
                           FROM {table} AS t -- [migrated]
                          WHERE t.status = 0 AND (t.queue, t.priority) > (bucket.queue, bucket.priority) -- [migrated]
                          ORDER BY t.queue, t.priority -- [migrated]
                          LIMIT 1) AS later -- [migrated]
), unreadable AS MATERIALIZED ( -- [migrated]
    SELECT t.id -- [migrated]
      FROM bucket -- [migrated]
     CROSS JOIN LATERAL ( -- [migrated]
               SELECT id FROM {table} -- [migrated]
                WHERE status = 0 AND queue = bucket.queue AND priority = bucket.priority -- [migrated]
                  AND modified < '0001-01-02Z'::timestamptz -- [migrated]
                UNION ALL -- [migrated]
               SELECT id FROM {table} -- [migrated]
                WHERE status = 0 AND queue = bucket.queue AND priority = bucket.priority -- [migrated]
                  AND modified >= '9999-12-30Z'::timestamptz -- [migrated]
           ) AS t -- [migrated]
WITH unreadable AS MATERIALIZED ( -- [not migrated]
    SELECT id FROM {table} WHERE status = 0 AND modified < '0001-01-02Z'::timestamptz -- [not migrated]
     UNION ALL -- [not migrated]
    SELECT id FROM {table} WHERE status = 0 AND modified >= '9999-12-30Z'::timestamptz -- [not migrated]
     UNION ALL
    SELECT id FROM {table} WHERE status = 1 AND modified < '0001-01-02Z'::timestamptz
     UNION ALL
    SELECT id FROM {table} WHERE status = 1 AND modified >= '9999-12-30Z'::timestamptz
     LIMIT :limit
), free AS MATERIALIZED (
    SELECT t.id
      FROM unreadable
      JOIN {table} AS t ON t.id = unreadable.id
     WHERE t.status + 0 IN (0, 1)
       AND (t.modified < '0001-01-02Z'::timestamptz OR t.modified >= '9999-12-30Z'::timestamptz)
       FOR NO KEY UPDATE OF t SKIP LOCKED
)
UPDATE {table} AS t
   SET status = 3,
       worker_pid = NULL, -- [errors]
       error = :error, -- [errors]
       output = coalesce(t.output, '') || :error, -- [not errors]
       modified = statement_timestamp()
  FROM free
 WHERE t.id = free.id
RETURNING t.id
