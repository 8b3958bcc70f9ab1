-- Makes scheduled tasks what later ones with their unique keys ask for, and holds the keys for as long as those want.
-- Their attempts count from 0 again. One that is not scheduled any more stays as it is. What the first ones were to run
-- after is forgotten in the same transaction. `rows` is what `enqueue` takes, with the ids of the scheduled ones, and
-- unique_key and held_for.
-- Params: rows, utc_offset
-- Returns: nothing
UPDATE (
           SELECT j.*, COALESCE(j.run_at, UTC_TIMESTAMP(6) + INTERVAL ROUND(j.delay * 1000000) MICROSECOND) AS due
             FROM JSON_TABLE(CONVERT(:rows USING utf8mb4), '$[*]' COLUMNS (
                      id {id_type} PATH '$.id',
                      task longtext CHARACTER SET utf8mb4 PATH '$.task' ERROR ON ERROR,
                      args longtext CHARACTER SET utf8mb4 PATH '$.args' ERROR ON ERROR,
                      queue longtext CHARACTER SET utf8mb4 PATH '$.queue' ERROR ON ERROR,
                      priority bigint PATH '$.priority',
                      delay double PATH '$.delay',
                      run_at datetime(6) PATH '$.run_at',
                      max_attempts bigint PATH '$.max_attempts',
                      unique_key varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.unique_key' ERROR ON ERROR,
                      held_for double PATH '$.held_for'
                      , links bigint PATH '$.links'
                      , limit_key longtext CHARACTER SET utf8mb4 PATH '$.limit_key' ERROR ON ERROR
                  )) AS j
       ) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
       STRAIGHT_JOIN {keys} AS k FORCE INDEX (PRIMARY) ON k.unique_key = d.unique_key
   SET k.held_for = d.held_for,
       t.task = d.task,
       t.args = d.args,
       t.modified = UTC_TIMESTAMP(6) + INTERVAL :utc_offset SECOND,
       t.queue = d.queue,
       t.priority = d.priority,
       t.max_attempts = d.max_attempts,
       t.run_after = IF(d.due > UTC_TIMESTAMP(6) OR d.links & 2, d.due, IF(d.links & 1, UTC_TIMESTAMP(6), NULL)),
       t.links = COALESCE(d.links, 0) | (t.links & 12),
       t.limit_key = d.limit_key, t.written = NULL,
       t.attempt = 0,
       t.losses = 0,
       t.status = IF(d.due > UTC_TIMESTAMP(6) OR d.links & 3, 5, 0)
 WHERE t.status = 5
