-- Records an attempt that `end_attempts` has just ended in the same transaction. Its number is one more than the last of
-- its task.
-- Params: id, outcome, error, log, now
-- Returns: nothing
INSERT INTO {attempts} (task_id, number, outcome, error, log, worker, started, ended)
SELECT id,
       (SELECT coalesce(max(number), 0) + 1 FROM {attempts} WHERE task_id = :id),
       :outcome, :error, :log, claimed_by, started, :now
  FROM {table}
 WHERE id = :id
