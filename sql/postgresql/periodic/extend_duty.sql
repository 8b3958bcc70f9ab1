-- Keeps a chore from the others for another interval, and notes where it goes on.
-- Params: name, every, resume_from
-- Returns: nothing
UPDATE {chores}
   SET due = statement_timestamp() + :every::float8 * interval '1 second',
       resume_from = :resume_from
 WHERE name = :name
