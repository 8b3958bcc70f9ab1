-- What stands in the rows a worker believes it holds. The clock beside it is the host's. `ids` is a JSON array.
-- Params: ids
-- Returns: id, status, modified
SELECT id, status, modified
  FROM {table}
 WHERE id IN (SELECT value FROM json_each(:ids))
