-- The second half of a rescue: the rows that `expired` has locked become failed with a text, or queued again where there
-- is none.
-- Params: ids, error, utc_offset
-- Returns: nothing
UPDATE JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.status = IF(:error IS NULL, 0, 3),
       t.worker_pid = NULL, -- [errors]
       t.error = COALESCE(:error, t.error), -- [errors]
       t.output = IF(:error IS NULL, t.output, CONCAT(COALESCE(t.output, ''), :error)), -- [not errors]
       t.modified = UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND
 WHERE t.status = 1
