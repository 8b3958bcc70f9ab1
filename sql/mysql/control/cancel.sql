-- Cancels rows that `lock` has locked. The worker that runs such a row sees it at its next heartbeat.
-- Params: ids, utc_offset
-- Returns: nothing
UPDATE JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.status = 4,
       t.worker_pid = NULL, -- [errors]
       t.run_after = NULL, -- [migrated]
       t.written = IF(t.links & 16, NULL, t.written), t.links = t.links & ~18, -- [migrated]
       t.modified = UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND
