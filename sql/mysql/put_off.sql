-- Puts claimed rows off whose function their worker does not find: they are scheduled again, `delay` seconds ahead. A row that
-- was put off for the first time `patience` seconds ago, or earlier, is left as it is. `links` notes that a row was put off
-- (16), and `written` when that was first. Each row is fenced by the claim's token.
-- `written` is in UTC there, and is assigned before `links`, which it depends on.
-- `rows` is JSON, because there are no arrays: objects with id, token, error, delay, patience.
-- Params: rows, utc_offset
-- Returns: nothing
UPDATE JSON_TABLE(CONVERT(:rows USING utf8mb4), '$[*]' COLUMNS (
           id {id_type} PATH '$.id',
           token datetime(6) PATH '$.token',
           delay double PATH '$.delay',
           patience double PATH '$.patience',
           error longtext CHARACTER SET utf8mb4 PATH '$.error' ERROR ON ERROR
       )) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.status = 5,
       t.worker_pid = NULL, -- [errors]
       t.error = d.error, -- [errors]
       t.run_after = UTC_TIMESTAMP(6) + INTERVAL ROUND(d.delay * 1000000) MICROSECOND,
       t.written = IF(t.links & 16, t.written, UTC_TIMESTAMP(6)),
       t.links = (t.links | 16) & ~2,
       t.modified = UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND
 WHERE t.status = 1
   AND t.modified = d.token
   AND (t.links & 16 = 0 OR t.written > UTC_TIMESTAMP(6) - INTERVAL ROUND(d.patience * 1000000) MICROSECOND)
