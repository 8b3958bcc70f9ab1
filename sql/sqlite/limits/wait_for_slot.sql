-- Holds a task that `promote` sets aside in the same transaction until there is a slot for it under its limit.
-- Params: id, task, limit_key, precedence, queue, now_utc
-- Returns: nothing
INSERT INTO {limited} (name, limit_key, task_id, precedence, queue, held_at)
VALUES (:task, :limit_key, :id, :precedence, :queue, :now_utc)
