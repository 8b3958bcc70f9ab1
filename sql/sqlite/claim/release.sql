-- Hands a claimed row back, in the place it had in the queue. One row at a time, within one transaction.
-- Whether it was put off before is forgotten: it may have run meanwhile.
-- Params: id, token, queued_at
-- Returns: nothing
UPDATE {table}
   SET status = 0,
       worker_pid = NULL, -- [errors]
       written = CASE WHEN links & 16 = 0 THEN written END, links = links & ~16, -- [migrated]
       modified = :queued_at
 WHERE status = 1
   AND modified = :token
   AND id BETWEEN :id AND :id
