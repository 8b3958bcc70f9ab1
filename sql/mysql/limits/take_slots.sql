-- Gives slots to tasks that `admit` queues in the same transaction.
-- `rows` is JSON, because there are no arrays: objects with id.
-- Params: rows
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (id bigint PATH '$.id')) AS d
       STRAIGHT_JOIN {limited} AS e FORCE INDEX (PRIMARY) ON e.id = d.id
   SET e.state = 1,
       e.admitted_at = UTC_TIMESTAMP(6),
       e.started_at = NULL
