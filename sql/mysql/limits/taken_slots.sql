-- The slots under these limits that are taken, or count in a rate: how many seconds ago each was given, and when its
-- task was seen to have started. `read_at` is the instant from which ages count, in seconds since 1970.
-- `rows` is JSON, because there are no arrays: objects with state, limit_key.
-- Params: rows
-- Returns: id, limit_key, task_id, state, admitted, noted, queue, read_at
SELECT e.id, e.limit_key, e.task_id, e.state,
       TIMESTAMPDIFF(MICROSECOND, e.admitted_at, UTC_TIMESTAMP(6)) / 1e6 AS admitted,
       TIMESTAMPDIFF(MICROSECOND, e.started_at, UTC_TIMESTAMP(6)) / 1e6 AS noted, e.queue,
       TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1e6 AS read_at
  FROM (
           SELECT state, limit_key
             FROM JSON_TABLE(CONVERT(:rows USING utf8mb4), '$[*]' COLUMNS (
                      state integer PATH '$.state',
                      limit_key varchar(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.limit_key' ERROR ON ERROR
                  )) AS j
       ) AS d
       STRAIGHT_JOIN {limited} AS e FORCE INDEX (state) ON e.state = d.state AND e.limit_key = d.limit_key
