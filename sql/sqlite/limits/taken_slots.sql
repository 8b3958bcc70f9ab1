-- The slots under a limit that are taken, or count in a rate: when each was given, and when its task was seen to have
-- started. Times are in UTC.
-- Params: state, limit_key
-- Returns: id, limit_key, task_id, state, admitted_at, started_at, queue
SELECT id, limit_key, task_id, state, admitted_at, started_at, queue
  FROM {limited}
 WHERE state = :state
   AND limit_key = :limit_key
