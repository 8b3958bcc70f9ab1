-- What has become of tasks that have a place under a limit, or wait for one: when each was last claimed, in seconds from
-- now, and for one that is set aside until there is a place, which limit that comes under.
-- `rows` is JSON, because there are no arrays: objects with task_id.
-- Params: rows, utc_offset
-- Returns: id, status, started, limit_key
SELECT t.id, t.status,
       TIMESTAMPDIFF(MICROSECOND, t.started, UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND) / 1e6 AS started,
       IF(t.status = 5 AND t.run_after IS NULL AND t.links & 3 = 1, CONCAT_WS(':', t.task, t.limit_key), NULL) AS limit_key
  FROM (SELECT id FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id {id_type} PATH '$.task_id')) AS j) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
