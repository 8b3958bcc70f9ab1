-- Inserts one row; a batch is one transaction, each row one microsecond younger than the one before, because
-- claims follow `modified`. One row at a time, so that a text is never copied into an array first. A row that exists
-- already is left alone, so that a repetition is harmless. `enqueue_plain` is for rows without anything of level 1.
-- Params: id, created, modified, task, args, status, queue, priority, run_after, max_attempts, links, limit_key
-- Returns: nothing
INSERT INTO {table} (id, created, modified, task, args, status, queue, priority, run_after, max_attempts
                     , links, limit_key -- [migrated]
                     )
VALUES (:id, :created, :modified, :task, :args, :status, :queue, :priority, :run_after, :max_attempts
        , :links, :limit_key -- [migrated]
        )
    ON CONFLICT (id) DO NOTHING
