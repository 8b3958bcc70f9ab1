-- Who waits for a slot under each of these limits, the first ones first, and for how many seconds each has.
-- Those of `paused` queues are passed over, and where `served` is not NULL, those of every queue that is not in it:
-- names with commas between them, which no name has.
-- Params: limit_key, count, paused, served
-- Returns: id, limit_key, task_id, waited
SELECT id, limit_key, task_id, TIMESTAMPDIFF(MICROSECOND, held_at, UTC_TIMESTAMP(6)) / 1e6 AS waited
  FROM {limited}
       FORCE INDEX (state)
 WHERE state = 0
   AND limit_key = :limit_key
   AND NOT FIND_IN_SET(queue, :paused)
   AND (:served IS NULL OR FIND_IN_SET(queue, :served))
 ORDER BY precedence, id
 LIMIT :count
