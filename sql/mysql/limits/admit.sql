-- Queues tasks that are set aside until there is a slot for them, in the order of `position`. One that is not any more, because
-- somebody has cancelled it, stays as it is.
-- `rows` is JSON, because there are no arrays: objects with task_id, slot.
-- Params: rows, utc_offset
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (id {id_type} PATH '$.task_id', position integer PATH '$.position')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.status = 0,
       t.modified = UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND + INTERVAL d.position MICROSECOND
 WHERE t.status = 5
   AND t.run_after IS NULL
