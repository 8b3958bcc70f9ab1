-- Which of these functions have declared what their limits are. Unfolded in a subquery as in `still_claimed`.
-- `rows` is JSON, because there are no arrays: objects with name.
-- Params: rows
-- Returns: name
SELECT l.name
  FROM (
           SELECT name
             FROM JSON_TABLE(CONVERT(:rows USING utf8mb4), '$[*]' COLUMNS (
                      name varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.name' ERROR ON ERROR
                  )) AS j
       ) AS d
       STRAIGHT_JOIN {limits} AS l FORCE INDEX (PRIMARY) ON l.name = d.name
