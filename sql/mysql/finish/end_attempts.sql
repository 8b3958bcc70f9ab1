-- Writes the ends of attempts that are recorded, because others have gone before or will follow, on rows that
-- `lock_claims` has locked: `finish`, with what becomes of the row after it. Level 1 alone knows attempts. One that has
-- run waits for nobody any more, whoever queued it.
-- `rows` is JSON, because there are no arrays: objects with id, status, keep, output, error, log, delay, attempt, lost.
-- A worker that was lost leaves what it has written of the log; it stands in the record, too, unless it is that of the
-- attempt before.
-- Params: rows, utc_offset
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (
           id {id_type} PATH '$.id',
           status integer PATH '$.status',
           keep integer PATH '$.keep',
           delay double PATH '$.delay',
           attempt integer PATH '$.attempt',
           lost integer PATH '$.lost',
           output longtext CHARACTER SET utf8mb4 PATH '$.output' ERROR ON ERROR,
           error longtext CHARACTER SET utf8mb4 PATH '$.error' ERROR ON ERROR,
           log longtext CHARACTER SET utf8mb4 PATH '$.log' ERROR ON ERROR
       )) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.status = d.status,
       t.modified = UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND,
       t.run_after = IF(d.status = 5, UTC_TIMESTAMP(6) + INTERVAL ROUND(d.delay * 1000000) MICROSECOND, NULL),
       t.attempt = d.attempt,
       t.losses = t.losses + d.lost,
       t.written = IF(t.links & 16, NULL, t.written), t.links = (t.links | 8) & ~18, -- [migrated]
       t.worker_pid = NULL, -- [errors]
       t.error = d.error, -- [errors]
       t.log = IF(d.lost, t.log, d.log), -- [errors]
       t.output = IF(d.keep, t.output, d.output) -- [errors]
       t.output = IF(d.error IS NULL, IF(d.keep, t.output, d.output), -- [not errors]
                     CONCAT(COALESCE(IF(d.keep, t.output, d.output), ''), d.error)) -- [not errors]
