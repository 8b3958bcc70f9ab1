-- Notes that a task waits for another, in the transaction that inserts it. What is noted already stays as it is, so that a
-- repetition is harmless, also where an edge has been closed meanwhile.
-- Params: id, predecessor_id, position, on_failure
-- Returns: nothing
INSERT INTO {edges} (task_id, predecessor_id, position, on_failure)
VALUES (:id, :predecessor_id, :position, :on_failure)
    ON CONFLICT (task_id, predecessor_id) DO NOTHING
