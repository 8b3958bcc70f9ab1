-- Keeps a chore from the others for another interval, and notes where it goes on.
-- Params: name, due, place
-- Returns: nothing
UPDATE {chores}
   SET due = :due,
       place = :place
 WHERE name = :name
