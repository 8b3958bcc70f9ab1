-- The first half of a rescue: locks rows that nobody renewed since `cutoff`. `rescue` updates exactly these, in the
-- same transaction. SKIP LOCKED lets exactly one of several rescuers have each row, without waiting. Candidates are read
-- without locks first, for the reason given in `ready_apart`. The rows that the rescuer itself holds, `still_claimed`, a JSON array of
-- ids, are left out.
-- `skip` passes over the oldest ones, which the database refuses to have changed (`backends/common/rescue.py`).
-- Params: cutoff, limit, candidates, skip, held
-- Returns: id, task, worker_pid
SELECT t.id,
       t.task,
       t.worker_pid -- [errors]
       NULL AS worker_pid -- [not errors]
  FROM (SELECT id
          FROM {table}
               FORCE INDEX ({status_index}) -- [indexed]
         WHERE status = 1
           AND modified < :cutoff
           AND NOT JSON_CONTAINS(:held, JSON_QUOTE(LOWER(REPLACE(CAST(id AS CHAR), '-', ''))))
         ORDER BY modified
         LIMIT :candidates) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
 WHERE t.status = 1
   AND t.modified < :cutoff
 LIMIT :limit OFFSET :skip
   FOR UPDATE SKIP LOCKED
