-- Notes an earlier start of tasks that have these slots and start once more: it counts in the rate like that of one that
-- has ended. `start` is in seconds since 1970.
-- `rows` is JSON, because there are no arrays: objects with id, start.
-- Params: rows
-- Returns: nothing
INSERT INTO {limited} (name, limit_key, task_id, precedence, queue, held_at, admitted_at, started_at, state)
SELECT e.name, e.limit_key, e.task_id, e.precedence, e.queue, e.held_at, e.admitted_at,
       TIMESTAMP '1970-01-01 00:00:00' + INTERVAL ROUND(d.start * 1000000) MICROSECOND, 2
  FROM (SELECT id, start FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id bigint PATH '$.id', start double PATH '$.start')) AS j) AS d
       STRAIGHT_JOIN {limited} AS e FORCE INDEX (PRIMARY) ON e.id = d.id
