-- Keeps a chore from the others for another interval, and notes where it goes on.
-- Params: name, due, resume_from
-- Returns: nothing
UPDATE {chores}
   SET due = :due,
       resume_from = :resume_from
 WHERE name = :name
