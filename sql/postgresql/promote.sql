-- Queues a batch of scheduled rows that are due, those that were due first before the others. Of several workers that do
-- so at once each takes rows of its own. Level 1 alone has scheduled rows.
-- Params: limit
-- Returns: queue, priority
WITH due AS MATERIALIZED (
    SELECT id, run_after
      FROM {table}
     WHERE status = 5
       AND run_after <= statement_timestamp()
     ORDER BY run_after
     LIMIT :limit
       FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE {table} AS t
   SET status = 0,
       run_after = NULL,
       modified = statement_timestamp() + next.place * interval '1 microsecond'
  FROM (SELECT id, row_number() OVER (ORDER BY run_after, id) AS place FROM due) AS next
 WHERE t.id = next.id
RETURNING t.queue, t.priority
