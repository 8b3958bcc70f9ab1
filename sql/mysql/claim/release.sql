-- Hands claimed rows back, in the place they had in the queue.
-- Whether it was put off before is forgotten: it may have run meanwhile.
-- `rows` is JSON, because there are no arrays: objects with id, token, queued_at.
-- Params: rows
-- Returns: nothing
UPDATE JSON_TABLE(:rows, '$[*]' COLUMNS (
           id {id_type} PATH '$.id',
           token datetime(6) PATH '$.token',
           queued_at datetime(6) PATH '$.queued_at'
       )) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.status = 0,
       t.worker_pid = NULL, -- [errors]
       t.written = IF(t.links & 16, NULL, t.written), t.links = t.links & ~16, -- [migrated]
       t.modified = d.queued_at
 WHERE t.status = 1
   AND t.modified = d.token
