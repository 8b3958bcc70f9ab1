-- The first half of a rescue: locks rows that nobody renewed since `cutoff`. `rescue` updates exactly these, in the
-- same transaction. SKIP LOCKED lets exactly one of several rescuers have each row, without waiting.
-- Params: cutoff, limit
-- Returns: id, task, worker_pid
SELECT id,
       task,
       worker_pid -- [errors]
       NULL AS worker_pid -- [not errors]
  FROM {table}
       FORCE INDEX ({ready_index}) -- [indexed]
 WHERE status = 1
   AND modified < :cutoff
 ORDER BY modified
 LIMIT :limit
   FOR UPDATE SKIP LOCKED
