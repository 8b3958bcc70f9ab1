-- `holders` for those tasks that a transaction of the caller's own sees and others do not: it has inserted them, or somebody
-- has deleted them since it began (REPEATABLE READ). A locking read sees what there is now.
-- Params: ids
-- Returns: id, status, modified, now
SELECT t.id, t.status, t.modified, UTC_TIMESTAMP(6) AS now
  FROM (SELECT id FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS j) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
  LOCK IN SHARE MODE
