-- What one worker of all does for the others now and then: when each is due again. Whoever moves `due` on does it;
-- `place` says where the next one goes on, of what is too much for one turn.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {chores} (
    name varchar(64) NOT NULL PRIMARY KEY,
    due timestamp with time zone NOT NULL,
    resume_from varchar(255) NULL
)
