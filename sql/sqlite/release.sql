-- Hands a claimed row back, in the place it had in the queue. One row at a time, within one transaction.
-- Params: id, token, queued_at
-- Returns: nothing
UPDATE {table}
   SET status = 0,
       worker_pid = NULL, -- [errors]
       modified = :queued_at
 WHERE status = 1
   AND modified = :token
   AND id BETWEEN :id AND :id
