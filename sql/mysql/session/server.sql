-- What answers here, its clock, and the largest statement in bytes that it takes.
-- Params: none
-- Returns: version, now, max_packet
SELECT VERSION() AS version, UTC_TIMESTAMP(6) AS now, @@max_allowed_packet AS max_packet
