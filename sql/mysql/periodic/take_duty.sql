-- Takes the turn at a chore that is due, by moving `due` on: of several workers exactly one matches a row. It is due
-- also where `due` lies further ahead than a turn can put it: the interval was shortened, or the clock put back.
-- Params: name, every
-- Returns: nothing
UPDATE {chores}
   SET due = UTC_TIMESTAMP(6) + INTERVAL ROUND(:every * 1000000) MICROSECOND
 WHERE name = :name
   AND (due <= UTC_TIMESTAMP(6)
        OR due > UTC_TIMESTAMP(6) + INTERVAL ROUND((2 * :every + 60) * 1000000) MICROSECOND)
