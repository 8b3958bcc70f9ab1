-- How many rows are queued from a claim cursor on, up to a limit: what a busy worker asks now and then, because a locking read
-- (`ready`) must find all the rows it wants before it comes to the end of the queue. See `ready_apart.sql`.
-- Params: limit, cursor, queue, priority
-- Returns: ahead
SELECT COUNT(*) AS ahead
  FROM (SELECT 1 AS found
          FROM {table}
               FORCE INDEX ({status_index}) -- [indexed]
         WHERE status = 0
           AND queue = :queue -- [migrated]
           AND priority = :priority -- [migrated]
           AND modified >= :cursor
         LIMIT :limit) AS d
