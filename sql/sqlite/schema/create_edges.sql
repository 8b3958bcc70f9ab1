-- Which task waits for which: `task_id` for the end of `predecessor_id`, in this position among those it waits for. An edge
-- is open until that one has ended; `on_failure` says what becomes of the task where it has not completed: `cancel` or `run`.
-- The indexes: what a task waits for, whether anything of it is left, and who waits for what has ended. A sweep reads only
-- open edges of the last one.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {edges} (
    task_id char(32) NOT NULL,
    predecessor_id char(32) NOT NULL,
    position integer NOT NULL,
    open smallint NOT NULL DEFAULT 1,
    on_failure varchar(8) NOT NULL DEFAULT 'cancel',
    PRIMARY KEY (task_id, predecessor_id),
    UNIQUE (task_id, open, predecessor_id),
    UNIQUE (open, predecessor_id, task_id)
)
