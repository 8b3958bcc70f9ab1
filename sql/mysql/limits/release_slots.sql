-- Takes slots back from tasks that `suspend_unserved` has set aside in the same transaction: they wait again, where they were.
-- `rows` is JSON, because there are no arrays: objects with id.
-- Params: rows
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (id bigint PATH '$.id')) AS d
       STRAIGHT_JOIN {limited} AS e FORCE INDEX (PRIMARY) ON e.id = d.id
   SET e.state = 0,
       e.admitted_at = NULL,
       e.started_at = NULL
