-- The second half of a claim: takes the rows that `ready` has locked. `now` was read from `clock` in the same
-- transaction, so that the claim's token is known before the statement is sent. The number of rows matched is the reply:
-- it is less than was given only where the server did not keep the locks, and `still_claimed` then says which were taken.
-- Here and wherever rows are found by id the primary key is named: MariaDB would rather scan a small table, and then
-- waits for rows that others hold.
-- Params: ids, now, worker_pid, worker
-- Returns: nothing
UPDATE JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.status = 1,
       t.worker_pid = :worker_pid, -- [errors]
       t.claimed_by = :worker, -- [migrated]
       t.started = :now, -- [migrated]
       t.renewed = :now, -- [migrated]
       t.modified = :now
 WHERE t.status = 0
