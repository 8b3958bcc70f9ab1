-- What is known of a queue beside its tasks. A queue that stands nowhere here is not paused.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {queues} (
    name varchar(64) NOT NULL PRIMARY KEY,
    paused boolean NOT NULL DEFAULT false
)
