-- Puts claimed rows off whose function their worker does not find: they are scheduled again, `delay` seconds ahead. A row that
-- was put off for the first time `patience` seconds ago, or earlier, is left as it is. `links` notes that a row was put off
-- (16), and `written` when that was first, in UTC. Each row is fenced by the claim's token.
-- Params: id, token, error, due_utc, since_utc, now, now_utc
-- Returns: nothing
UPDATE {table}
   SET status = 5,
       worker_pid = NULL, -- [errors]
       error = :error, -- [errors]
       run_after = :due_utc,
       written = CASE WHEN links & 16 <> 0 THEN written ELSE :now_utc END,
       links = (links | 16) & ~2,
       modified = :now
 WHERE status = 1
   AND modified = :token
   AND id BETWEEN :id AND :id
   AND (links & 16 = 0 OR written > :since_utc)
