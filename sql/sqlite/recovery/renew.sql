-- Renews the lease of a claim that is still held. One row at a time, within one transaction. A row that has the new token
-- already was renewed before, and the reply was lost.
-- Params: id, token, now, worker_pid
-- Returns: nothing
UPDATE {table}
   SET modified = :now
       , worker_pid = :worker_pid -- [errors]
       , renewed = :now -- [migrated]
 WHERE status = 1
   AND modified IN (:token, :now)
   AND id BETWEEN :id AND :id
