-- Whether anything is queued: what a worker without work asks, one statement instead of a transaction.
-- The watermark is the same as in `ready`, and the lowest time except where dead index entries have piled up.
-- Params: watermark
-- Returns: found
SELECT 1 AS found
  FROM {table}
       FORCE INDEX ({ready_index}) -- [indexed]
 WHERE status = 0
   AND modified >= :watermark
 LIMIT 1
