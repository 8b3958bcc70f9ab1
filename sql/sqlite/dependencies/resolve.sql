-- Queues a task that `lock_waiting` has found, because all that it waited for has ended. One that needs a slot under a
-- limit is due now instead, so that it is set aside for that.
-- Params: id, modified, now_utc
-- Returns: nothing
UPDATE {table}
   SET status = CASE WHEN links & 1 = 0 THEN 0 ELSE 5 END,
       run_after = CASE WHEN links & 1 = 0 THEN NULL ELSE :now_utc END,
       links = links & ~2,
       modified = :modified
 WHERE id = :id
