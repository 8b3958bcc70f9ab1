-- Gives slots to tasks that `admit` queues in the same transaction.
-- Params: ids
-- Returns: nothing
UPDATE {limited} SET state = 1, admitted_at = statement_timestamp(), started_at = NULL WHERE id = ANY (:ids::bigint[])
