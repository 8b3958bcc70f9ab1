-- What one worker of all does for the others now and then: when each is due again. Whoever moves `due` on does it;
-- `place` says where the next one goes on, of what is too much for one turn.
-- Times are in UTC.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {chores} (
    name varchar(64) NOT NULL PRIMARY KEY,
    due datetime(6) NOT NULL,
    resume_from varchar(255) NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4
