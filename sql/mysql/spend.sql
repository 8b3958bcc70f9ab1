-- Notes an earlier start of tasks that have these places and start once more: it counts in the rate like that of one that
-- has ended.
-- `rows` is JSON, because there are no arrays: objects with id, age.
-- Params: rows
-- Returns: nothing
INSERT INTO {limited} (name, limit_key, task_id, precedence, queue, held_at, admitted_at, started_at, state)
SELECT e.name, e.limit_key, e.task_id, e.precedence, e.queue, e.held_at, e.admitted_at,
       UTC_TIMESTAMP(6) - INTERVAL ROUND(d.age * 1000000) MICROSECOND, 2
  FROM (SELECT id, age FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id bigint PATH '$.id', age double PATH '$.age')) AS j) AS d
       STRAIGHT_JOIN {limited} AS e FORCE INDEX (PRIMARY) ON e.id = d.id
