-- Writes what running tasks have printed and logged behind the first `offset` characters of their logs, so that a
-- repetition writes the same again. The end of a run writes the whole log once more.
-- A cancelled task has status 4 and no token any more: then `token` is the `modified` of its cancellation, and matches as
-- long as nobody has queued it again. At level 1 `started`, the claim's first token, says too that nobody has claimed since.
-- `modified` stays: it is the claim's token, and only a heartbeat renews it. The 7-column table has no log.
-- `rows` is JSON, because there are no arrays: objects with id, token, started, offset, text.
-- The number of rows matched is the reply; where it is less than was given, `still_claimed` says which of the running ones.
-- Params: rows
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (
           id {id_type} PATH '$.id',
           token datetime(6) PATH '$.token',
           started datetime(6) PATH '$.started',
           position integer PATH '$.offset',
           text longtext CHARACTER SET utf8mb4 PATH '$.text' ERROR ON ERROR
       )) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.log = CONCAT(LEFT(COALESCE(t.log, ''), d.position), d.text) -- [errors]
       t.output = t.output -- [not errors]
 WHERE t.status IN (1, 4)
   AND t.modified = d.token
   AND t.started = d.started -- [migrated]
