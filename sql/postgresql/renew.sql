-- Renews the leases of claims that are still held.
-- Params: ids, tokens, now, worker_pid
-- Returns: nothing
UPDATE {table} AS t
   SET modified = :now::timestamptz
       , worker_pid = :worker_pid -- [errors]
       , renewed = :now::timestamptz -- [migrated]
  FROM unnest(:ids::uuid[], :tokens::timestamptz[]) AS d (id, token)
 WHERE t.id = d.id
   AND t.status + 0 = 1
   AND t.modified = d.token
