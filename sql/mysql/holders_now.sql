-- `holders` for a transaction of the caller's own that may have begun before such a task was enqueued, and so does not see
-- it (REPEATABLE READ): a locking read sees what is committed now.
-- Params: ids, utc_offset
-- Returns: id, status, age
SELECT t.id,
       t.status,
       TIMESTAMPDIFF(MICROSECOND, t.modified, UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND) / 1e6 AS age
  FROM (SELECT id FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS j) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
  LOCK IN SHARE MODE
