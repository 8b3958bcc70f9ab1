-- Queues a batch of scheduled rows that are due, those that were due first before the others. Of several workers that do
-- so at once each takes rows of its own. Level 1 alone has scheduled rows.
-- What has links that keep it from being queued is set aside instead: it stays in its status and has no time any more, so
-- that neither this nor a claim ever sees it. One that needs a slot under a limit is held for it from then on.
-- `limit_key` is that of the function and the task's own.
-- Params: limit
-- Returns: id, links, limit_key
WITH due AS MATERIALIZED (
    SELECT id, run_after, modified
      FROM {table}
     WHERE status = 5
       AND run_after <= statement_timestamp()
     ORDER BY run_after
     LIMIT :limit
       FOR NO KEY UPDATE SKIP LOCKED
), moved AS (
    UPDATE {table} AS t
       SET run_after = NULL,
           status = CASE WHEN t.links & 3 <> 0 THEN 5 ELSE 0 END,
           modified = statement_timestamp() + next.position * interval '1 microsecond'
      FROM (SELECT id, row_number() OVER (ORDER BY run_after, modified, id) AS position FROM due) AS next
     WHERE t.id = next.id
    RETURNING t.id
              , t.links, t.task, concat_ws(':', t.task, t.limit_key) AS limit_key, t.priority, t.queue, next.position
), held AS (
    INSERT INTO {limited} (name, limit_key, task_id, precedence, queue, held_at)
    SELECT task, limit_key, id, -priority, queue, statement_timestamp() FROM moved WHERE links & 3 = 1 ORDER BY position
)
SELECT id, links, limit_key FROM moved
