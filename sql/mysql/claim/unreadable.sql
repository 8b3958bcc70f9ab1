-- The queued and the running rows whose `modified` is a zero date: no claim comes upon them, because no bound is below that.
-- They lie at the beginning of the index; at level 1 of each bucket, and there is one step in the index for each.
-- Params: limit
-- Returns: id
SELECT t.id -- [migrated]
  FROM (SELECT queue, priority, MIN(modified) AS oldest -- [migrated]
          FROM {table} -- [migrated]
               FORCE INDEX ({bucket_index}) -- [migrated] [indexed]
         WHERE status = 0 -- [migrated]
         GROUP BY status, queue, priority) AS bucket -- [migrated]
       STRAIGHT_JOIN {table} AS t -- [migrated]
       FORCE INDEX ({bucket_index}) -- [migrated] [indexed]
       ON t.status = 0 AND t.queue = bucket.queue AND t.priority = bucket.priority AND t.modified < '0001-01-01' -- [migrated]
 WHERE bucket.oldest < '0001-01-01' -- [migrated]
SELECT id -- [not migrated]
  FROM {table} -- [not migrated]
       FORCE INDEX ({status_index}) -- [not migrated] [indexed]
 WHERE status = 0 AND modified < '0001-01-01' -- [not migrated]
 UNION ALL
SELECT id
  FROM {table}
       FORCE INDEX ({status_index}) -- [indexed]
 WHERE status = 1 AND modified < '0001-01-01'
 LIMIT :limit
