-- Pauses a queue: the next claim of every worker sees it.
-- Params: name
-- Returns: nothing
INSERT INTO {queues} (name, paused) VALUES (:name, 1)
    ON CONFLICT (name) DO UPDATE SET paused = excluded.paused
