-- Queues rows again that `lock` has locked, at the end of the queue. Like Django's admin action it clears no output,
-- error or log; at level 1 attempts and losses count from 0 again.
-- One that needs a slot under a limit goes the way of a scheduled one that is due; nobody is waited for any more. What one
-- that had ended has left as its output is of no run any more, so that a stream does not begin with it.
-- Params: ids, utc_offset
-- Returns: nothing
UPDATE JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET
       t.written = IF(t.status = 5 AND t.links & 16 = 0, t.written, NULL), -- [migrated]
       t.status = 0, -- [not migrated]
       t.status = IF(t.links & 1, 5, 0), -- [migrated]
       t.worker_pid = NULL, -- [errors]
       t.run_after = IF(t.links & 1, UTC_TIMESTAMP(6), NULL), t.links = t.links & ~18, -- [migrated]
       t.attempt = 0, t.losses = 0, -- [migrated]
       t.modified = UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND
