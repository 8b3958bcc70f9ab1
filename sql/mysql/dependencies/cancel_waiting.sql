-- Cancels tasks that `lock_waiting` has locked, because what they waited for has failed, with a text that says so. On the
-- 7-column table that is the output.
-- `rows` is JSON, because there are no arrays: objects with id, error.
-- Params: rows, utc_offset
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (
           id {id_type} PATH '$.id',
           error longtext CHARACTER SET utf8mb4 PATH '$.error' ERROR ON ERROR
       )) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.status = 4,
       t.run_after = NULL,
       t.links = t.links & ~2,
       t.error = d.error, -- [errors]
       t.output = d.error, -- [not errors]
       t.modified = UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND
