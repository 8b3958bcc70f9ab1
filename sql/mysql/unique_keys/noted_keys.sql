-- Who each of these unique keys is noted for, read under the locks of `hold_keys`. They are unfolded in a subquery for the
-- reason given in `lock`.
-- The keys are returned as the digits of their UTF-8, since a caller's connection may be of a character set without them.
-- Params: unique_keys
-- Returns: unique_key, task_id, held_for
SELECT HEX(k.unique_key) AS unique_key, k.task_id, k.held_for
  FROM (
           SELECT unique_key
             FROM JSON_TABLE(CONVERT(:unique_keys USING utf8mb4), '$[*]' COLUMNS (
                      unique_key varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$'
                  )) AS j
       ) AS d
       STRAIGHT_JOIN {keys} AS k FORCE INDEX (PRIMARY) ON k.unique_key = d.unique_key
   FOR UPDATE
