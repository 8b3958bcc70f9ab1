-- What has become of the tasks that unique keys are noted for, and when. One that is not there any more holds nothing.
-- `ids` is a JSON array. The time is an expression, because a caller's connection may make something else of a column
-- that is declared as a datetime.
-- Params: ids
-- Returns: id, status, modified
SELECT id, status, modified || '' AS modified
  FROM {table}
 WHERE id IN (SELECT value FROM json_each(:ids))
