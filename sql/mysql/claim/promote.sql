-- The second half of a promotion: queues the rows that `due` has locked, in the order of their places. A row without a
-- place is not scheduled any more, because Django has saved it whole in another status: it loses its time and nothing
-- else, so that it does not lie in the way.
-- What has links that keep it from being queued is set aside instead: it stays in its status and has no time any more, so
-- that neither this nor a claim ever sees it.
-- `rows` is JSON, because there are no arrays: objects with id, place, aside.
-- Params: rows, utc_offset
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (
           id {id_type} PATH '$.id',
           position integer PATH '$.position',
           aside integer PATH '$.aside'
       )) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.status = IF(d.position IS NULL, t.status, IF(d.aside, 5, 0)),
       t.run_after = NULL,
       t.modified = IF(d.position IS NULL, t.modified,
                       UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND + INTERVAL d.position MICROSECOND)
