-- Cancels a task that `lock_waiting` has found, because what it waited for has failed, with a text that says so. On the
-- 7-column table that is the output.
-- Params: id, error, now
-- Returns: nothing
UPDATE {table}
   SET status = 4,
       run_after = NULL,
       links = links & ~2,
       error = :error, -- [errors]
       output = :error, -- [not errors]
       modified = :now
 WHERE id = :id
