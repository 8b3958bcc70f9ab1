-- Keeps a chore from the others for another interval, and notes where it goes on.
-- Params: name, every, resume_from
-- Returns: nothing
UPDATE {chores}
   SET due = UTC_TIMESTAMP(6) + INTERVAL ROUND(:every * 1000000) MICROSECOND,
       resume_from = :resume_from
 WHERE name = :name
