-- The first half of a clean-up: looks at a batch of rows in the order of their places, which is that in which they were
-- inserted, and says which are old. There is no index of ended rows: this costs those nothing that are never cleaned
-- up, and keeps nobody from writing. Ages are cut-offs: the host's clock less the age, in the table's time zone. One of
-- NULL is never reached, and a row that has not ended has none.
-- Params: after, limit, completed, failed, cancelled
-- Returns: rowid_, old
SELECT rowid AS rowid_,
       modified < CASE status WHEN 2 THEN :completed WHEN 3 THEN :failed WHEN 4 THEN :cancelled END AS old
  FROM {table}
 WHERE rowid > :after
 ORDER BY rowid
 LIMIT :limit
