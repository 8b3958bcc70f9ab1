-- Notes in tasks that others wait for their end: whoever claims one from now on knows it. A claim's token stays.
-- `ids` is a JSON array.
-- Params: ids
-- Returns: nothing
UPDATE {table}
   SET links = links | 4
 WHERE id IN (SELECT value FROM json_each(:ids))
