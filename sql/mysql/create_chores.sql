-- What one worker of all does for the others now and then: when each is due again. Whoever moves `due` on does it.
-- Times are in UTC.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {chores} (
    name varchar(64) NOT NULL PRIMARY KEY,
    due datetime(6) NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4
