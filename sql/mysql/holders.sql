-- What has become of the tasks that unique keys are noted for, and how many seconds ago it did. One that is not there any
-- more holds nothing.
-- Params: ids, utc_offset
-- Returns: id, status, age
SELECT t.id,
       t.status,
       TIMESTAMPDIFF(MICROSECOND, t.modified, UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND) / 1e6 AS age
  FROM (SELECT id FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS j) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
