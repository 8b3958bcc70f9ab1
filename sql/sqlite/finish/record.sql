-- Records an attempt that `end_attempts` has just ended in the same transaction. Its number is one more than the last of
-- its task.
-- Params: id, outcome, error, log, lost, now
-- Returns: nothing
INSERT INTO {attempts} (task_id, number, outcome, error, log, worker, started, ended)
SELECT id,
       (SELECT coalesce(max(number), 0) + 1 FROM {attempts} WHERE task_id = :id),
       :outcome, :error,
       :log, -- [not errors]
       CASE WHEN :lost THEN nullif(log, (SELECT log FROM {attempts} WHERE task_id = :id ORDER BY number DESC LIMIT 1)) -- [errors]
            ELSE :log END, -- [errors]
       claimed_by, started, :now
  FROM {table}
 WHERE id = :id
