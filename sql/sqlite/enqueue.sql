-- Inserts one queued row; a batch is one transaction, each row one microsecond younger than the one before, because
-- claims follow `modified`. One row at a time, so that a text is never copied into an array first. A row that exists
-- already is left alone, so that a repetition is harmless.
-- Params: id, created, modified, task, args
-- Returns: nothing
INSERT INTO {table} (id, created, modified, task, args, status)
VALUES (:id, :created, :modified, :task, :args, 0)
    ON CONFLICT (id) DO NOTHING
