-- Claims the oldest queued rows of a table that is not migrated; at level 1 a claim is an `exchange` without ends.
-- The materialized CTE is a fence: with a bare LIMIT subquery the join may be
-- planned so that more rows are locked and updated than the limit says.
-- FOR NO KEY UPDATE does not block foreign-key checks. Statuses are literals: with a parameter a generic plan
-- cannot use the partial index.
-- The claim cursor keeps a claim from walking over index entries of rows claimed before: while any session holds an old
-- snapshot nobody can remove them. It is a hint, and minus infinity now and then (`backends/common/claim_cursor.py`).
-- `timestamptz_lt` leaves out what Python cannot hold as a time, as in `exchange`.
-- Params: limit, worker_pid, cursor
-- Returns: id, task, args, token, queued_at
WITH next AS MATERIALIZED (
    SELECT id, modified
      FROM {table}
     WHERE status = 0
       AND modified >= :cursor
       AND timestamptz_lt(modified, '9999-12-30Z'::timestamptz)
     ORDER BY modified, id
     LIMIT :limit
       FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE {table} AS t
   SET status = 1,
       worker_pid = :worker_pid, -- [errors]
       modified = statement_timestamp()
  FROM next
 WHERE t.id = next.id
   AND t.status + 0 = 0
RETURNING t.id, t.task, t.args, t.modified AS token, next.modified AS queued_at
