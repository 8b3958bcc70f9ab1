-- The second half of a clean-up: deletes those of these rows that are still old. `places` is a JSON array of rowids.
-- Params: places, completed, failed, cancelled
-- Returns: id
DELETE FROM {table}
 WHERE rowid IN (SELECT value FROM json_each(:places))
   AND modified < CASE status WHEN 2 THEN :completed WHEN 3 THEN :failed WHEN 4 THEN :cancelled END
RETURNING id
