-- Puts claimed rows off whose function their worker does not find: they are scheduled again, `delay` seconds ahead, or
-- less where `patience` seconds after the first time come sooner. A row of which these are over is left as it is.
-- `links` notes that a row was put off (16), and `written` when that was first. Each row is fenced by the claim's
-- token.
-- `written` is in UTC there. It is assigned after `run_after`, which depends on it, and before `links`, on which it
-- depends.
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
       t.run_after = LEAST(
           UTC_TIMESTAMP(6) + INTERVAL ROUND(d.delay * 1000000) MICROSECOND,
           IF(t.links & 16, t.written, UTC_TIMESTAMP(6)) + INTERVAL ROUND(d.patience * 1000000) MICROSECOND
       ),
       t.written = IF(t.links & 16, t.written, UTC_TIMESTAMP(6)),
       t.links = (t.links | 16) & ~2,
       t.modified = UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND
 WHERE t.status = 1
   AND t.modified = d.token
   AND (t.links & 16 = 0 OR t.written > UTC_TIMESTAMP(6) - INTERVAL ROUND(d.patience * 1000000) MICROSECOND)
