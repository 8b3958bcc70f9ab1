-- Lets scheduled tasks be due now that have lost the time when they were, because something has made the table anew without
-- the columns of `migrate`. What waited for others, or for a slot under a limit, has lost its links too: they are taken
-- from what is still written beside the table, so that it is set aside again for that as soon as it is due.
-- SQLite's own clock has milliseconds; with zeros the text compares as all others do.
-- Params: none
-- Returns: nothing
UPDATE {table} AS t
   SET limit_key = coalesce(t.limit_key, (SELECT CASE WHEN length(l.limit_key) > length(t.task)
                                                      THEN substr(l.limit_key, length(t.task) + 2) END
                                            FROM {limited} AS l
                                           WHERE l.task_id = t.id AND l.state = 0
                                           ORDER BY l.id
                                           LIMIT 1)),
       links = t.links | CASE WHEN EXISTS (SELECT 1 FROM {limited} AS l WHERE l.task_id = t.id AND l.state = 0) THEN 1
                              WHEN EXISTS (SELECT 1 FROM {edges} AS e WHERE e.task_id = t.id AND e.open = 1) THEN 2
                              ELSE 0 END,
       run_after = strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'
 WHERE t.status = 5
   AND t.run_after IS NULL
   AND (t.links & 3 = 0
        OR NOT EXISTS (SELECT 1 FROM {limited} AS l WHERE l.task_id = t.id AND l.state = 0)
           AND NOT EXISTS (SELECT 1 FROM {edges} AS e WHERE e.task_id = t.id AND e.open = 1))
