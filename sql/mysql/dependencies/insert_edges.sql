-- Notes which tasks wait for which, in the transaction that inserts them. What is noted already stays as it is, so that a
-- repetition after a lost reply is harmless, also where an edge has been closed meanwhile.
-- `rows` is JSON, because there are no arrays: objects with id, predecessor_id, position, on_failure.
-- Params: rows
-- Returns: nothing
INSERT INTO {edges} (task_id, predecessor_id, position, on_failure)
SELECT d.id, d.predecessor_id, d.position, d.on_failure
  FROM JSON_TABLE(CONVERT(:rows USING utf8mb4), '$[*]' COLUMNS (
           id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
           predecessor_id char(32) CHARACTER SET ascii COLLATE ascii_bin PATH '$.predecessor_id',
           position integer PATH '$.position',
           on_failure varchar(8) CHARACTER SET utf8mb4 PATH '$.on_failure'
       )) AS d
    ON DUPLICATE KEY UPDATE position = {edges}.position
