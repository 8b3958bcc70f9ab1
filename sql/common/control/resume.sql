-- Resumes a queue: the next claim of every worker sees it. Only a paused queue has a row.
-- Params: name
-- Returns: nothing
DELETE FROM {queues} WHERE name = :name
