-- Sets queued tasks aside again that have a slot under a limit and are in a queue that nobody claims from. One that has
-- been claimed meanwhile keeps its slot.
-- `rows` is JSON, because there are no arrays: objects with task_id.
-- Params: rows, utc_offset
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (id {id_type} PATH '$.task_id')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.status = 5,
       t.run_after = NULL,
       t.modified = UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND
 WHERE t.status = 0
   AND t.links & 3 = 1
