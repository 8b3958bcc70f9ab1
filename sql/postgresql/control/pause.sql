-- Pauses a queue: the next claim of every worker sees it.
-- Params: name
-- Returns: nothing
INSERT INTO {queues} (name, paused) VALUES (:name, TRUE)
    ON CONFLICT (name) DO UPDATE SET paused = excluded.paused
