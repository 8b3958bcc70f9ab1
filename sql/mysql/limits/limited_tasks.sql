-- What has become of tasks that have a slot under a limit, or wait for one: when each was last claimed, and renewed by
-- asyncqueue, in the table's zone, and how many of its attempts have failed; for one that is set aside until there is a slot,
-- which limit that comes under.
-- `rows` is JSON, because there are no arrays: objects with task_id.
-- Params: rows
-- Returns: id, status, started, limit_key, renewed, attempt, now_utc
SELECT t.id, t.status,
       t.started,
       IF(t.status = 5 AND t.run_after IS NULL AND t.links & 3 = 1, CONCAT_WS(':', t.task, t.limit_key), NULL) AS limit_key,
       t.renewed, t.attempt, UTC_TIMESTAMP(6) AS now_utc
  FROM (SELECT id FROM JSON_TABLE(:rows, '$[*]' COLUMNS (id {id_type} PATH '$.task_id')) AS j) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
