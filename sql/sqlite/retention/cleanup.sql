-- The second half of a clean-up: deletes those of these rows that are still old. `taken_slots` is a JSON array of rowids.
-- A completed row stays as long as it holds its unique key: `links` has the minutes, see `KEPT_FROM`. One whose end others
-- have not been told of stays: of what is gone nobody knows that it completed. `now` is what the host's clock would read in the
-- table's zone had it not been put forward within a year.
-- Params: rowids, completed, failed, cancelled, now
-- Returns: id
DELETE FROM {table} AS t
 WHERE rowid IN (SELECT value FROM json_each(:rowids))
   AND modified < CASE status WHEN 2 THEN :completed WHEN 3 THEN :failed WHEN 4 THEN :cancelled END
   AND (status <> 2 OR links < 32 OR (julianday(:now) - julianday(modified)) * 1440 > links >> 5) -- [migrated]
   AND NOT EXISTS (SELECT 1 FROM {edges} AS e WHERE e.open = 1 AND e.predecessor_id = t.id) -- [migrated]
RETURNING id
