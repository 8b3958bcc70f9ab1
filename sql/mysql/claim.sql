-- The second half of a claim: takes the rows that `ready` has locked. `now` is the clock that `ready` returned, so
-- that the claim's token is known before the statement is sent.
-- Params: ids, now, worker_pid
-- Returns: nothing
UPDATE JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS d
       STRAIGHT_JOIN {table} AS t ON t.id = d.id
   SET t.status = 1,
       t.worker_pid = :worker_pid, -- [errors]
       t.modified = :now
