-- Takes the first turn at a chore, where `take_duty` has found none of that name: of several workers exactly one inserts
-- the row.
-- Params: name, every
-- Returns: nothing
INSERT IGNORE INTO {chores} (name, due)
VALUES (:name, UTC_TIMESTAMP(6) + INTERVAL ROUND(:every * 1000000) MICROSECOND)
