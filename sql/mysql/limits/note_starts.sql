-- Notes when the tasks that have these slots started, in seconds since 1970; a state of 2 says that the slot is free
-- again and counts in the rate.
-- `rows` is JSON, because there are no arrays: objects with id, state, start.
-- Params: rows
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (
           id bigint PATH '$.id',
           state integer PATH '$.state',
           start double PATH '$.start'
       )) AS d
       STRAIGHT_JOIN {limited} AS e FORCE INDEX (PRIMARY) ON e.id = d.id
   SET e.state = d.state,
       e.started_at = TIMESTAMP '1970-01-01 00:00:00' + INTERVAL ROUND(d.start * 1000000) MICROSECOND
