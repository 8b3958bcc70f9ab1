-- The second half of a renewal: renews the leases of the claims that `lock_renewable` has locked.
-- Params: ids, now, worker_pid
-- Returns: nothing
UPDATE JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.modified = :now
       , t.worker_pid = :worker_pid -- [errors]
       , t.renewed = :now -- [migrated]
