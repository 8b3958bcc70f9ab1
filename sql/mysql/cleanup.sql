-- Deletes a batch of old rows of one status, so that the index gives their exact range. It never waits for a row that
-- somebody holds.
-- Params: status, cutoff, limit
-- Returns: nothing
DELETE t
  FROM (
           SELECT id
             FROM {table}
                  FORCE INDEX ({ready_index}) -- [indexed]
            WHERE status = :status
              AND modified < :cutoff
            LIMIT :limit
              FOR UPDATE SKIP LOCKED
       ) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
