-- Inserts one queued row: what `enqueue` does for many, without the detour by JSON.
-- Params: id, task, args, utc_offset
-- Returns: nothing
INSERT INTO {table} (id, created, modified, task, args, status)
VALUES (:id,
        UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND,
        UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND,
        :task,
        :args,
        0)
    ON DUPLICATE KEY UPDATE id = {table}.id
