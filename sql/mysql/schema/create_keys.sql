-- The unique keys of tasks: which task holds each. It holds its key until it has ended, and `held_for` seconds longer; a
-- key whose holder has ended, or is not there any more, is free, so nothing needs to be written when a task ends.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {keys} (
    unique_key varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
    task_id char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    held_for double NOT NULL DEFAULT 0
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC
