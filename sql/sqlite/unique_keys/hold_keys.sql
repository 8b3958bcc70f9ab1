-- Notes a unique key as a task's where nobody has noted it yet. The transaction's write lock keeps everybody else away;
-- `noted_keys` says who each key is noted for.
-- Params: unique_key, id, held_for
-- Returns: nothing
INSERT INTO {keys} (unique_key, task_id, held_for)
VALUES (:unique_key, :id, :held_for)
    ON CONFLICT (unique_key) DO NOTHING
