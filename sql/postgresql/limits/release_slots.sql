-- Takes slots back from tasks that `suspend_unserved` has set aside in the same transaction: they wait again, where they were.
-- Params: ids
-- Returns: nothing
UPDATE {limited} SET state = 0, admitted_at = NULL, started_at = NULL WHERE id = ANY (:ids::bigint[])
