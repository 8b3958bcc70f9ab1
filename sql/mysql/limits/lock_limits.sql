-- What these functions declare of how many of their tasks run, locked until the transaction ends in the order given, which
-- is the same for all: whoever admits tasks of a function is alone with them. Unfolded in a subquery as in `still_claimed`.
-- `rows` is JSON, because there are no arrays: objects with name.
-- Params: rows
-- Returns: name, capacity, rate_count, rate_period, declared
SELECT l.name, l.capacity, l.rate_count, l.rate_period,
       TIMESTAMPDIFF(MICROSECOND, l.declared_at, UTC_TIMESTAMP(6)) / 1e6 AS declared
  FROM (
           SELECT name
             FROM JSON_TABLE(CONVERT(:rows USING utf8mb4), '$[*]' COLUMNS (
                      name varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.name' ERROR ON ERROR
                  )) AS j
       ) AS d
       STRAIGHT_JOIN {limits} AS l FORCE INDEX (PRIMARY) ON l.name = d.name
   FOR UPDATE
