-- Hands back claimed rows that need a slot under a limit which they have not got: they go the way of scheduled rows that
-- are due. Each is fenced by the claim's token. Whoever was claimed waits for nobody any more.
-- Params: ids, tokens, limit_keys
-- Returns: nothing
UPDATE {table} AS t
   SET status = 5,
       worker_pid = NULL, -- [errors]
       run_after = statement_timestamp(),
       written = CASE WHEN t.links & 16 = 0 THEN t.written END,
       links = (t.links | 1) & ~18,
       limit_key = coalesce(d.limit_key, t.limit_key),
       modified = statement_timestamp()
  FROM unnest(:ids::uuid[], :tokens::timestamptz[], :limit_keys::text[]) AS d (id, token, limit_key)
 WHERE t.id = d.id
   AND t.status + 0 = 1
   AND t.modified = d.token
