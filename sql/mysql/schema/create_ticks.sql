-- The periodic tasks that workers have declared: when each was last enqueued, and when a worker last said that there is
-- such an entry. Whoever moves `last_tick` on enqueues the task, in the same transaction. Times are in UTC.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {ticks} (
    name varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
    task text NOT NULL,
    cron varchar(255) NOT NULL,
    timezone varchar(64) NOT NULL,
    last_tick datetime(6) NOT NULL,
    last_task char(32) CHARACTER SET ascii COLLATE ascii_bin NULL,
    declared datetime(6) NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4
