-- Keeps a chore from the others for another interval, and notes where it goes on.
-- Params: name, every, place
-- Returns: nothing
UPDATE {chores}
   SET due = UTC_TIMESTAMP(6) + INTERVAL ROUND(:every * 1000000) MICROSECOND,
       place = :place
 WHERE name = :name
