-- `holders` for those tasks that a transaction of the caller's own sees and others do not: it has inserted them, or somebody
-- has deleted them since it began. A lock tells which: of the latter it fails (REPEATABLE READ).
-- Params: ids
-- Returns: id, status, age
SELECT id, status, extract(epoch FROM clock_timestamp() - modified)::float8 AS age
  FROM {table}
 WHERE id = ANY (:ids::uuid[])
   FOR KEY SHARE
