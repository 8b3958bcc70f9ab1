-- Hands back claimed rows that need a slot under a limit which they have not got: they go the way of scheduled rows that
-- are due. Each is fenced by the claim's token. Whoever was claimed waits for nobody any more.
-- `rows` is JSON, because there are no arrays: objects with id, token, limit_key.
-- Params: rows, utc_offset
-- Returns: nothing
UPDATE JSON_TABLE(CONVERT(:rows USING utf8mb4), '$[*]' COLUMNS (
           id {id_type} PATH '$.id',
           token datetime(6) PATH '$.token',
           limit_key longtext CHARACTER SET utf8mb4 PATH '$.limit_key' ERROR ON ERROR
       )) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.status = 5,
       t.worker_pid = NULL, -- [errors]
       t.run_after = UTC_TIMESTAMP(6),
       t.written = IF(t.links & 16, NULL, t.written),
       t.links = (t.links | 1) & ~18,
       t.limit_key = COALESCE(d.limit_key, t.limit_key),
       t.modified = UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND
 WHERE t.status = 1
   AND t.modified = d.token
