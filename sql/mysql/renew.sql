-- Renews the leases of claims that are still held.
-- `rows` is JSON, because there are no arrays: objects with id, token.
-- Params: rows, now, worker_pid
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (id {id_type} PATH '$.id', token datetime(6) PATH '$.token')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.modified = :now
       , t.worker_pid = :worker_pid -- [errors]
       , t.renewed = :now -- [migrated]
 WHERE t.status = 1
   AND t.modified = d.token
