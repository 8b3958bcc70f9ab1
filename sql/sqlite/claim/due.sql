-- The scheduled rows that are due, those that were due first before the others: read for `promote` in the same
-- transaction. `run_after` is in UTC whatever the table's zone, so that no change of the clocks moves it.
-- Params: now_utc, limit
-- Returns: rowid_, id, run_after, task, limit_key, priority, links, queue
SELECT rowid AS rowid_
       , id, run_after, task, task || coalesce(':' || limit_key, '') AS limit_key, priority, links, queue
  FROM {table}
 WHERE status = 5
   AND run_after <= :now_utc
 ORDER BY run_after
 LIMIT :limit
