-- `enqueue` for rows of the default queue, without a priority, a delay or a number of attempts: on any table.
-- Params: id, created, modified, task, args
-- Returns: nothing
INSERT INTO {table} (id, created, modified, task, args, status)
VALUES (:id, :created, :modified, :task, :args, 0)
    ON CONFLICT (id) DO NOTHING
