-- The workers that are running, or were lost not long ago. `lease` is in seconds; times are in UTC.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {workers} (
    name varchar(64) NOT NULL PRIMARY KEY,
    host varchar(255) NOT NULL,
    pid integer NOT NULL,
    version varchar(32) NOT NULL,
    queues text NULL,
    concurrency integer NOT NULL,
    lease double NULL,
    started datetime(6) NOT NULL,
    beat datetime(6) NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4
