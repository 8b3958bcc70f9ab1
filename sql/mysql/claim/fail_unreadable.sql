-- Fails rows that cannot be read, by their ids as they stand in the table.
-- Params: ids, error, utc_offset
-- Returns: nothing
UPDATE JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.status = 3,
       t.worker_pid = NULL, -- [errors]
       t.error = :error, -- [errors]
       t.output = CONCAT(COALESCE(t.output, ''), :error), -- [not errors]
       t.run_after = NULL, -- [migrated]
       t.modified = UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND
 WHERE t.status IN (0, 1) -- [not migrated]
 WHERE t.status IN (0, 1, 5) -- [migrated]
