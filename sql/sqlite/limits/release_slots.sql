-- Takes the slot back from a task that `suspend_unserved` has set aside in the same transaction: it waits again, where it was.
-- Params: id
-- Returns: nothing
UPDATE {limited} SET state = 0, admitted_at = NULL, started_at = NULL WHERE id = :id
