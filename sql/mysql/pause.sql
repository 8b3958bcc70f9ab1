-- Pauses a queue, or resumes it: the next claim of every worker sees it.
-- Params: name, paused
-- Returns: nothing
INSERT INTO {queues} (name, paused) VALUES (:name, :paused)
    ON DUPLICATE KEY UPDATE paused = :paused
