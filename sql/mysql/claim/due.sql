-- The first half of a promotion: locks a batch of scheduled rows that are due, those that were due first before the
-- others, for `promote`. Of several workers that do so at once each takes rows of its own. Candidates are read without
-- locks first, for the reason given in `ready_apart`. Whatever Django has made of such a row is found, too.
-- Params: limit, candidates
-- Returns: id, status, run_after, modified, task, limit_key, priority, links, queue
SELECT t.id, t.status, t.run_after, t.modified
       , t.task, CONCAT_WS(':', t.task, t.limit_key) AS limit_key, t.priority, t.links, t.queue
  FROM (SELECT id
          FROM {table}
               FORCE INDEX ({due_index}) -- [indexed]
         WHERE run_after <= UTC_TIMESTAMP(6)
         ORDER BY run_after
         LIMIT :candidates) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
 WHERE t.run_after <= UTC_TIMESTAMP(6)
 LIMIT :limit
   FOR UPDATE SKIP LOCKED
