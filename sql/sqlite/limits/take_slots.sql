-- Gives a slot to a task that `admit` queues in the same transaction.
-- Params: id, now_utc
-- Returns: nothing
UPDATE {limited} SET state = 1, admitted_at = :now_utc, started_at = NULL WHERE id = :id
