-- Those of these tasks that still wait. The transaction that reads them has the database for itself. `ids` is a JSON array.
-- Params: ids
-- Returns: id, modified
SELECT id, modified
  FROM {table}
 WHERE id IN (SELECT value FROM json_each(:ids))
   AND status + 0 = 5
   AND links & 2 <> 0
