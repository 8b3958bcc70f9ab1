-- The unique keys of tasks: which task holds each. It holds its key until it has ended, and `held_for` seconds longer; a
-- key whose holder has ended, or is not there any more, is free, so nothing needs to be written when a task ends.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {keys} (
    unique_key varchar(255) NOT NULL PRIMARY KEY,
    task_id uuid NOT NULL,
    held_for double precision NOT NULL DEFAULT 0
)
