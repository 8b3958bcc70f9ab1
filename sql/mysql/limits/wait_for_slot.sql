-- Holds tasks that `promote` sets aside in the same transaction until there is a slot for them under their limit, in the
-- order given.
-- `rows` is JSON, because there are no arrays: objects with id, task, limit_key, precedence, queue.
-- Params: rows
-- Returns: nothing
INSERT INTO {limited} (name, limit_key, task_id, precedence, queue, held_at)
SELECT d.task, d.limit_key, d.id, d.precedence, d.queue, UTC_TIMESTAMP(6)
  FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
           position FOR ORDINALITY,
           id char(32) PATH '$.id',
           task longtext CHARACTER SET utf8mb4 PATH '$.task' ERROR ON ERROR,
           limit_key longtext CHARACTER SET utf8mb4 PATH '$.limit_key' ERROR ON ERROR,
           precedence integer PATH '$.precedence',
           queue longtext CHARACTER SET utf8mb4 PATH '$.queue' ERROR ON ERROR
       )) AS d
 ORDER BY d.position
