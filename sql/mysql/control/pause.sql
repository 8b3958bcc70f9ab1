-- Pauses a queue: the next claim of every worker sees it.
-- Params: name
-- Returns: nothing
INSERT INTO {queues} (name, paused) VALUES (:name, TRUE)
    ON DUPLICATE KEY UPDATE paused = TRUE
