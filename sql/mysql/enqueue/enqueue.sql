-- Inserts queued rows in the order given: each is one microsecond younger than the one before, because claims
-- follow `modified`. A row that exists already is left alone, so that a repetition after a lost reply is harmless
-- (INSERT IGNORE would do that too, and would also cut what is too long).
-- Level 1: a row with a time to come (`run_at`, or `delay` in seconds from now) is scheduled, the others are queued.
-- That time is in UTC whatever the table's zone is, because a zone's clock may be put back meanwhile.
-- One that needs a slot under a limit (`links` & 1) is scheduled in any case, for now where it has no time; one
-- that waits for others (2) likewise, but without a time where it has none.
-- `rows` is JSON, because there are no arrays: objects with id, task, args, and at level 1 queue, priority, delay, run_at,
-- max_attempts, and where it has them links, limit_key. It is converted, because a caller's connection may be of another character set, and then MariaDB would
-- make NULL of what that set lacks.
-- Params: rows, utc_offset
-- Returns: nothing
INSERT INTO {table} (id, created, modified, task, args, status
                     , queue, priority, max_attempts, run_after -- [migrated]
                     , links, limit_key -- [migrated]
                     )
SELECT d.id,
       UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND,
       UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND + INTERVAL (d.position - 1) MICROSECOND,
       d.task,
       d.args,
       0 -- [not migrated]
       IF(d.due > UTC_TIMESTAMP(6) OR d.links & 3, 5, 0), -- [migrated]
       d.queue, -- [migrated]
       d.priority, -- [migrated]
       d.max_attempts, -- [migrated]
       IF(d.due > UTC_TIMESTAMP(6) OR d.links & 2, d.due, IF(d.links & 1, UTC_TIMESTAMP(6), NULL)), -- [migrated]
       COALESCE(d.links, 0), -- [migrated]
       d.limit_key -- [migrated]
  FROM
       (SELECT j.*, -- [migrated]
               COALESCE(j.run_at, UTC_TIMESTAMP(6) + INTERVAL ROUND(j.delay * 1000000) MICROSECOND) AS due -- [migrated]
          FROM -- [migrated]
       JSON_TABLE(CONVERT(:rows USING utf8mb4), '$[*]' COLUMNS (
           position FOR ORDINALITY,
           queue longtext CHARACTER SET utf8mb4 PATH '$.queue' ERROR ON ERROR, -- [migrated]
           priority bigint PATH '$.priority', -- [migrated]
           delay double PATH '$.delay', -- [migrated]
           run_at datetime(6) PATH '$.run_at', -- [migrated]
           max_attempts bigint PATH '$.max_attempts', -- [migrated]
           links bigint PATH '$.links', -- [migrated]
           limit_key longtext CHARACTER SET utf8mb4 PATH '$.limit_key' ERROR ON ERROR, -- [migrated]
           id {id_type} PATH '$.id',
           task longtext CHARACTER SET utf8mb4 PATH '$.task' ERROR ON ERROR,
           args longtext CHARACTER SET utf8mb4 PATH '$.args' ERROR ON ERROR
       ))
       AS j) -- [migrated]
       AS d
    ON DUPLICATE KEY UPDATE id = {table}.id
