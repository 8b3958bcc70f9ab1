-- Renews the leases of claims that are still held. Rows that another session has locked are left for the next time, without
-- waiting: the leases of the others must not end meanwhile. A row that has the new token already was renewed by the same
-- statement, whose reply was lost.
-- Params: ids, tokens, now, worker_pid
-- Returns: id
WITH free AS MATERIALIZED (
    SELECT t.id
      FROM unnest(:ids::uuid[], :tokens::timestamptz[]) AS d (id, token)
      JOIN {table} AS t ON t.id = d.id
     WHERE t.status + 0 = 1
       AND t.modified IN (d.token, :now::timestamptz)
       FOR NO KEY UPDATE OF t SKIP LOCKED
)
UPDATE {table} AS t
   SET modified = :now::timestamptz
       , worker_pid = :worker_pid -- [errors]
       , renewed = :now::timestamptz -- [migrated]
  FROM free
 WHERE t.id = free.id
RETURNING t.id
