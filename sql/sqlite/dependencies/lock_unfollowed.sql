-- Those of these tasks that do not know yet that others wait for them, for `follow`. `ids` is a JSON array.
-- Params: ids
-- Returns: id, status
SELECT id, status
  FROM {table}
 WHERE id IN (SELECT value FROM json_each(:ids))
   AND links & 4 = 0
