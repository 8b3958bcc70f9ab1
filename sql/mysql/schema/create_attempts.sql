-- The attempts of tasks that were tried more than once: how each ended, by whom, and when.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {attempts} (
    task_id char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    number integer NOT NULL,
    outcome varchar(16) NOT NULL,
    error longtext NULL,
    log longtext NULL,
    worker varchar(64) NULL,
    started datetime(6) NULL,
    ended datetime(6) NOT NULL,
    PRIMARY KEY (task_id, number)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4
