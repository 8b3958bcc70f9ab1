-- Writes streamed text behind the first `offset` characters, so that a repetition writes the same again.
-- `modified` stays: it is the claim's token, and only a heartbeat renews it.
-- `rows` is JSON, because there are no arrays: objects with id, token, offset, text.
-- The number of rows matched is the reply; where it is less than was given, `still_claimed` says which.
-- Params: rows
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (
           id {id_type} PATH '$.id',
           token datetime(6) PATH '$.token',
           position integer PATH '$.offset',
           text longtext CHARACTER SET utf8mb4 PATH '$.text' ERROR ON ERROR
       )) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.output = CONCAT(LEFT(COALESCE(t.output, ''), d.position), d.text)
       , t.written = t.started, t.links = t.links & ~16 -- [migrated]
 WHERE t.status = 1
   AND t.modified = d.token
