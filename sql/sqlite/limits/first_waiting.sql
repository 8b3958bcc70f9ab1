-- Who waits for a slot under each of these limits, the first ones first, and since when each does.
-- Those of `paused` queues are passed over, and where `served` is not NULL, those of every queue that is not in it:
-- names with commas between them, which no name has.
-- Params: limit_key, count, paused, served
-- Returns: id, limit_key, task_id, held_at
SELECT id, limit_key, task_id, held_at
  FROM {limited}
 WHERE state = 0
   AND limit_key = :limit_key
   AND instr(',' || :paused || ',', ',' || queue || ',') = 0
   AND (:served IS NULL OR instr(',' || :served || ',', ',' || queue || ',') > 0)
 ORDER BY precedence, id
 LIMIT :count
