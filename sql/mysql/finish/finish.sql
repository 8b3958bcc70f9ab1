-- Writes the ends of many runs at once. Each row is fenced by the claim's token, so that a worker whose claim was
-- taken away changes nothing. The 7-column table has no error column: the text follows the output, as that
-- Django release writes it.
-- `rows` is JSON, because there are no arrays: objects with id, token, status, keep, output, error, log.
-- The number of rows matched is the reply; where it is less than was given, `finished` says which.
-- STRAIGHT_JOIN: rows are locked in the order given, so that two such statements cannot deadlock.
-- Params: rows, utc_offset
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (
           id {id_type} PATH '$.id',
           token datetime(6) PATH '$.token',
           status integer PATH '$.status',
           keep integer PATH '$.keep',
           output longtext CHARACTER SET utf8mb4 PATH '$.output' ERROR ON ERROR,
           error longtext CHARACTER SET utf8mb4 PATH '$.error' ERROR ON ERROR,
           log longtext CHARACTER SET utf8mb4 PATH '$.log' ERROR ON ERROR
       )) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.status = d.status,
       t.modified = UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND,
       t.worker_pid = NULL, -- [errors]
       t.error = d.error, -- [errors]
       t.log = d.log, -- [errors]
       t.output = IF(d.keep, t.output, d.output) -- [errors]
       t.output = IF(d.error IS NULL, IF(d.keep, t.output, d.output), -- [not errors]
                     CONCAT(COALESCE(IF(d.keep, t.output, d.output), ''), d.error)) -- [not errors]
 WHERE t.status = 1
   AND t.modified = d.token
