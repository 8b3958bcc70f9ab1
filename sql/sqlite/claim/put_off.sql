-- Puts claimed rows off whose function their worker does not find: they are scheduled again, `delay` seconds ahead, or
-- less where `patience` seconds after the first time come sooner. A row of which these are over is left as it is.
-- `links` notes that a row was put off (16), and `written` when that was first, in UTC. Each row is fenced by the claim's
-- token.
-- SQLite's arithmetic of times knows no microseconds: what it adds to is rounded up.
-- Params: id, token, error, patience, due_utc, over_utc, since_utc, now, now_utc
-- Returns: nothing
UPDATE {table}
   SET status = 5,
       worker_pid = NULL, -- [errors]
       error = :error, -- [errors]
       run_after = MIN(
           :due_utc,
           CASE WHEN links & 16 <> 0
                THEN strftime('%Y-%m-%d %H:%M:%f', written, :patience || ' seconds') || '999'
                ELSE :over_utc
           END
       ),
       written = CASE WHEN links & 16 <> 0 THEN written ELSE :now_utc END,
       links = (links | 16) & ~2,
       modified = :now
 WHERE status = 1
   AND modified = :token
   AND id BETWEEN :id AND :id
   AND (links & 16 = 0 OR written > :since_utc)
