-- Whether anything is queued: what a worker without work asks, one statement instead of a transaction.
-- Params: none
-- Returns: found
SELECT 1 AS found
  FROM {table}
       FORCE INDEX ({ready_index}) -- [indexed]
 WHERE status = 0
 LIMIT 1
