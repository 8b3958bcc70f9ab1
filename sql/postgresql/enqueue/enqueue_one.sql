-- Inserts one queued row and notifies nobody: what `enqueue` does for many, for half the price.
-- Params: id, task, args
-- Returns: nothing
INSERT INTO {table} (id, created, modified, task, args, status)
VALUES (:id, statement_timestamp(), statement_timestamp(), :task, :args, 0)
    ON CONFLICT (id) DO NOTHING
