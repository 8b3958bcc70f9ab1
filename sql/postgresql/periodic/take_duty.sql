-- Takes the turn at a chore that is due, by moving `due` on: of several workers exactly one gets the row back. It is due
-- also where `due` lies further ahead than a turn can put it: the interval was shortened, or the clock put back.
-- Params: name, every
-- Returns: name
INSERT INTO {chores} AS c (name, due)
VALUES (:name, statement_timestamp() + :every::float8 * interval '1 second')
    ON CONFLICT (name) DO UPDATE
   SET due = excluded.due
 WHERE c.due <= statement_timestamp()
    OR c.due > statement_timestamp() + (2 * :every::float8 + 60) * interval '1 second'
RETURNING name
