-- What has become of the tasks that unique keys are noted for, and how many seconds ago it did. One that is not there any
-- more holds nothing.
-- Params: ids
-- Returns: id, status, age
SELECT id, status, extract(epoch FROM clock_timestamp() - modified)::float8 AS age
  FROM {table}
 WHERE id = ANY (:ids::uuid[])
