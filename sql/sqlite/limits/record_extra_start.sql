-- Notes an earlier start of a task that has this slot and starts once more: it counts in the rate like that of one that
-- has ended.
-- Params: id, start_utc
-- Returns: nothing
INSERT INTO {limited} (name, limit_key, task_id, precedence, queue, held_at, admitted_at, started_at, state)
SELECT name, limit_key, task_id, precedence, queue, held_at, admitted_at, :start_utc, 2 FROM {limited} WHERE id = :id
