-- What is kept of a task's attempts.
-- Params: id
-- Returns: number, outcome, error, log, worker, started, ended
SELECT number, outcome, error, log, worker, started, ended
  FROM {attempts}
 WHERE task_id = :id
 ORDER BY number
