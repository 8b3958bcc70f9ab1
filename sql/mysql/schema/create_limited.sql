-- The tasks under limits. `name` is the function, `limit_key` that and the task's own key. state: 0 held, the task is set aside
-- until there is a place for it; 1 admitted, it has a place, and has started within the rate where it has; 2 spent, it counts
-- in the rate until that has passed since `started_at`. `precedence` is minus the priority: the least comes first. Times are in
-- UTC.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {limited} (
    id bigint NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    limit_key varchar(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    task_id char(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    precedence smallint NOT NULL DEFAULT 0,
    queue varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT 'default',
    held_at datetime(6) NOT NULL,
    admitted_at datetime(6) NULL,
    started_at datetime(6) NULL,
    state smallint NOT NULL DEFAULT 0,
    UNIQUE (state, limit_key, precedence, id, queue),
    UNIQUE (task_id, id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4
