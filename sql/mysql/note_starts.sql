-- Notes when the tasks that have these places started, in seconds before now; a state of 2 says that the place is free
-- again and counts in the rate.
-- `rows` is JSON, because there are no arrays: objects with id, state, age.
-- Params: rows
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (
           id bigint PATH '$.id',
           state integer PATH '$.state',
           age double PATH '$.age'
       )) AS d
       STRAIGHT_JOIN {limited} AS e FORCE INDEX (PRIMARY) ON e.id = d.id
   SET e.state = d.state,
       e.started_at = UTC_TIMESTAMP(6) - INTERVAL ROUND(d.age * 1000000) MICROSECOND
