-- Takes the turn at a chore that is due, by moving `due` on: of several workers exactly one gets the row back. It is due
-- also where `due` lies further ahead than a turn can put it: the interval was shortened, or the clock put back.
-- The clock is the host's, in UTC.
-- Params: name, now_utc, due, latest
-- Returns: name
INSERT INTO {chores} (name, due) VALUES (:name, :due)
    ON CONFLICT (name) DO UPDATE
   SET due = excluded.due
 WHERE due <= :now_utc
    OR due > :latest
RETURNING name
