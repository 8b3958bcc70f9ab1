-- Renews the lease of a claim that is still held. One row at a time, within one transaction.
-- Params: id, token, now, worker_pid
-- Returns: nothing
UPDATE {table}
   SET modified = :now
       , worker_pid = :worker_pid -- [errors]
       , renewed = :now -- [migrated]
 WHERE status = 1
   AND modified = :token
   AND id BETWEEN :id AND :id
