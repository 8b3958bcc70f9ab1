-- The attempts of tasks that were tried more than once: how each ended, by whom, and when.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {attempts} (
    task_id char(32) NOT NULL,
    number integer NOT NULL,
    outcome varchar(16) NOT NULL,
    error text NULL,
    log text NULL,
    worker varchar(64) NULL,
    started datetime NULL,
    ended datetime NOT NULL,
    PRIMARY KEY (task_id, number)
)
