-- The tasks under limits. `name` is the function, `limit_key` that and the task's own key. state: 0 held, the task is set aside
-- until there is a place for it; 1 admitted, it has a place, and has started within the rate where it has; 2 spent, it counts
-- in the rate until that has passed since `started_at`. `precedence` is minus the priority: the least comes first. Times are in
-- UTC.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {limited} (
    id integer PRIMARY KEY,
    name varchar(255) NOT NULL,
    limit_key varchar(512) NOT NULL,
    task_id char(32) NOT NULL,
    precedence smallint NOT NULL DEFAULT 0,
    queue varchar(64) NOT NULL DEFAULT 'default',
    held_at datetime NOT NULL,
    admitted_at datetime NULL,
    started_at datetime NULL,
    state smallint NOT NULL DEFAULT 0,
    UNIQUE (state, limit_key, precedence, id, queue),
    UNIQUE (task_id, id)
)
