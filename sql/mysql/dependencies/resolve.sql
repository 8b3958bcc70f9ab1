-- Queues tasks that `lock_waiting` has locked, because all that they waited for has ended, in the order given. One that
-- needs a slot under a limit is due now instead, so that it is set aside for that.
-- Params: ids, utc_offset
-- Returns: nothing
UPDATE JSON_TABLE(:ids, '$[*]' COLUMNS (position FOR ORDINALITY, id {id_type} PATH '$')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.status = IF(t.links & 1, 5, 0),
       t.run_after = IF(t.links & 1, UTC_TIMESTAMP(6), NULL),
       t.links = t.links & ~2,
       t.modified = UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND + INTERVAL d.position MICROSECOND
