-- The database's clock: what a claim writes, and what rescues and clean-ups count back from. Time zones are applied in
-- Python, because an offset may have changed between then and now.
-- Params: none
-- Returns: now
SELECT UTC_TIMESTAMP(6) AS now
