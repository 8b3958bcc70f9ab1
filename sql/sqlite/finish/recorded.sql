-- Asked of an attempt that `end_attempts` did not end: whether it is recorded already, because an earlier try did commit
-- and only its reply was lost. The time of its claim tells an attempt from the others of its task.
-- Params: id, started
-- Returns: id
SELECT task_id AS id FROM {attempts} WHERE task_id = :id AND started = :started
