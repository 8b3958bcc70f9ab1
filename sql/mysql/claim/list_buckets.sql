-- Which buckets hold queued rows that may be claimed, the time of the oldest in each, and in how many seconds the next
-- scheduled row is due: what a worker of level 1 asks once a second, and all the time while it has no work. One row at
-- least, for the scheduled ones.
-- SYSDATE is the time at which a row is sent, when all buckets have been found, and NOW that at which the statement began:
-- what a look costs, by the server's own clock. A server started with --sysdate-is-now always says 0.
-- One step in the index for each bucket, however many rows it has: both servers take it so (a loose index scan) only where
-- the constant status is grouped by, too. Paused queues are left out afterwards, for the same reason. MariaDB reads every
-- queued row all the same as long as its statistics are those of an empty table, some ten seconds after it was filled.
-- From a zero date there are no seconds (MySQL says NULL): it is due, so that `promote` comes upon it.
-- Params: none
-- Returns: took, due_in, queue, priority, oldest
SELECT TIMESTAMPDIFF(MICROSECOND, NOW(6), SYSDATE(6)) / 1e6 AS took,
       COALESCE(TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), scheduled.earliest) / 1e6,
                IF(scheduled.earliest <= UTC_TIMESTAMP(6), 0, NULL)) AS due_in,
       bucket.queue,
       bucket.priority,
       bucket.oldest
  FROM (
           SELECT MIN(run_after) AS earliest
             FROM {table}
                  FORCE INDEX ({due_index}) -- [indexed]
       ) AS scheduled
  LEFT JOIN (
           SELECT queue, priority, MIN(modified) AS oldest
             FROM {table}
                  FORCE INDEX ({bucket_index}) -- [indexed]
            WHERE status = 0
            GROUP BY status, queue, priority
       ) AS bucket ON bucket.queue NOT IN (SELECT name FROM {queues} WHERE paused)
