-- Level 1: locks rows that were claimed in a worker's own name and that it does not hold, for `release_strays`: the reply to
-- their claim was lost, and they have not begun. Nobody has renewed them since `cutoff`. Rows that others have locked are
-- left for the next time. Candidates are read without locks first, for the reason given in `ready_apart`. `still_claimed` is a JSON
-- array of ids.
-- Params: worker, held, cutoff
-- Returns: id
SELECT t.id
  FROM (SELECT id
          FROM {table}
               FORCE INDEX ({bucket_index}) -- [indexed]
         WHERE status = 1
           AND claimed_by = :worker
           AND modified <= :cutoff
           AND NOT JSON_CONTAINS(:held, JSON_QUOTE(LOWER(REPLACE(CAST(id AS CHAR), '-', ''))))) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
 WHERE t.status = 1
   AND t.claimed_by = :worker
   AND t.renewed = t.modified
   AND t.modified <= :cutoff
   FOR UPDATE SKIP LOCKED
