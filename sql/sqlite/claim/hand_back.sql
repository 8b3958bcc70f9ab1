-- Hands back claimed rows that need a slot under a limit which they have not got: they go the way of scheduled rows that
-- are due. Each is fenced by the claim's token. Whoever was claimed waits for nobody any more.
-- Params: id, token, limit_key, now, now_utc
-- Returns: nothing
UPDATE {table}
   SET status = 5,
       worker_pid = NULL, -- [errors]
       run_after = :now_utc,
       written = CASE WHEN links & 16 = 0 THEN written END,
       links = (links | 1) & ~18,
       limit_key = coalesce(:limit_key, limit_key),
       modified = :now
 WHERE status = 1
   AND modified = :token
   AND id BETWEEN :id AND :id
