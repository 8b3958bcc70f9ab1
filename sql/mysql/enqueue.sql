-- Inserts queued rows in the order given: each is one microsecond younger than the one before, because claims
-- follow `modified`. A row that exists already is left alone, so that a repetition after a lost reply is harmless
-- (INSERT IGNORE would do that too, and would also cut what is too long).
-- `rows` is JSON, because there are no arrays: objects with id, task, args. It is converted, because a caller's
-- connection may be of another character set, and then MariaDB would make NULL of what that set lacks.
-- Params: rows, utc_offset
-- Returns: nothing
INSERT INTO {table} (id, created, modified, task, args, status)
SELECT d.id,
       UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND,
       UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND + INTERVAL (d.position - 1) MICROSECOND,
       d.task,
       d.args,
       0
  FROM JSON_TABLE(CONVERT(:rows USING utf8mb4), '$[*]' COLUMNS (
           position FOR ORDINALITY,
           id {id_type} PATH '$.id',
           task longtext CHARACTER SET utf8mb4 PATH '$.task' ERROR ON ERROR,
           args longtext CHARACTER SET utf8mb4 PATH '$.args' ERROR ON ERROR
       )) AS d
    ON DUPLICATE KEY UPDATE id = {table}.id
