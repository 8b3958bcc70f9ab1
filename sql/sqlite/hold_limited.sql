-- Holds a task that `promote` sets aside in the same transaction until there is a place for it under its limit.
-- Params: id, task, limit_key, precedence, now_utc
-- Returns: nothing
INSERT INTO {limited} (name, limit_key, task_id, precedence, held_at)
VALUES (:task, :limit_key, :id, :precedence, :now_utc)
