-- What has become of the tasks that unique keys are noted for, and when. One that is not there any more holds nothing.
-- `ids` is a JSON array.
-- Params: ids
-- Returns: id, status, modified
SELECT id, status, modified
  FROM {table}
 WHERE id IN (SELECT value FROM json_each(:ids))
