-- What has become of the tasks that unique keys are noted for, when it did in the table's zone, and what the clock says in
-- UTC: between the two the zone may have changed its offset. One that is not there any more holds nothing.
-- Params: ids
-- Returns: id, status, modified, now
SELECT t.id, t.status, t.modified, UTC_TIMESTAMP(6) AS now
  FROM (SELECT id FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS j) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
