-- Notes each of these unique keys as its task's where nobody has noted it yet, and locks it in any case until the
-- transaction ends. Who wants the same key waits here, and sees afterwards what has become of it. `rows` is JSON, in an
-- order that is the same for all; `noted_keys` says who each key is noted for.
-- Params: rows
-- Returns: nothing
INSERT INTO {keys} (unique_key, task_id, held_for)
SELECT d.unique_key, d.id, d.held_for
  FROM JSON_TABLE(CONVERT(:rows USING utf8mb4), '$[*]' COLUMNS (
           unique_key varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.unique_key' ERROR ON ERROR,
           id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
           held_for double PATH '$.held_for'
       )) AS d
    ON DUPLICATE KEY UPDATE unique_key = {keys}.unique_key
