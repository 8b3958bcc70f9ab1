-- Whether every statement of this transaction sees what is committed by then, and not what was when it began.
-- Params: none
-- Returns: sees_now
SELECT current_setting('transaction_isolation') IN ('read committed', 'read uncommitted') AS sees_now
