-- The database's clock, for the verbs that count back from it: they must know where their time zone stood then.
-- Params: none
-- Returns: now
SELECT UTC_TIMESTAMP(6) AS now
