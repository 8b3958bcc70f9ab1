-- How many scheduled tasks there are that nobody would ever find: see `free_stranded`. What is set aside as it should be has
-- no time either, but a link that says why, and an entry in the table of limits or of edges by which it is found.
-- Params: none
-- Returns: count
SELECT count(*) AS count
  FROM {table} AS t
 WHERE t.status = 5
   AND t.run_after IS NULL
   AND (t.links & 3 = 0
        OR NOT EXISTS (SELECT 1 FROM {limited} AS l
                        WHERE l.task_id = CONVERT(REPLACE(t.id, '-', '') USING ascii) COLLATE ascii_bin
                          AND l.state = 0)
           AND NOT EXISTS (SELECT 1 FROM {edges} AS e
                            WHERE e.task_id = CONVERT(REPLACE(t.id, '-', '') USING ascii) COLLATE ascii_bin
                              AND e.open = 1))
