-- The second half of a promotion: queues the rows that `due` has locked, in the order of their places. A row without a
-- place is not scheduled any more, because Django has saved it whole in another status: it loses its time and nothing
-- else, so that it does not lie in the way.
-- `rows` is JSON, because there are no arrays: objects with id, place.
-- Params: rows, utc_offset
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (id {id_type} PATH '$.id', place integer PATH '$.place')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.status = IF(d.place IS NULL, t.status, 0),
       t.run_after = NULL,
       t.modified = IF(d.place IS NULL, t.modified,
                       UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND + INTERVAL d.place MICROSECOND)
