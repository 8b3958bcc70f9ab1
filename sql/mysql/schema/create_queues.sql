-- What is known of a queue beside its tasks. A queue that stands nowhere here is not paused.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {queues} (
    name varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
    paused boolean NOT NULL DEFAULT FALSE
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC
