-- `finish` and `claim` as one statement, one round trip and one commit: what a busy worker does all the time.
-- Both see the table as it was before: a row that ends here is none that is claimed here. The count of the ends
-- written stands in every row; there is one row at least, with nothing but that, where nothing is claimed.
-- Where the count is less than was given, `finished` says which; the rest is said at `finish` and `claim`.
-- Params: ids, tokens, statuses, outputs, errors, logs, keeps, limit, worker_pid, watermark
-- Returns: id, task, args, token, queued_at, written
WITH done AS (
    UPDATE {table} AS t
       SET status = d.status,
           modified = statement_timestamp(),
           worker_pid = NULL, -- [errors]
           error = d.error, -- [errors]
           log = d.log, -- [errors]
           output = CASE WHEN d.keep THEN t.output ELSE d.output END -- [errors]
           output = CASE WHEN d.error IS NULL THEN CASE WHEN d.keep THEN t.output ELSE d.output END -- [not errors]
                         ELSE coalesce(CASE WHEN d.keep THEN t.output ELSE d.output END, '') || d.error END -- [not errors]
      FROM unnest(:ids::uuid[], :tokens::timestamptz[], :statuses::int[], :outputs::text[], :errors::text[],
                  :logs::text[], :keeps::bool[]) AS d (id, token, status, output, error, log, keep)
     WHERE t.id = d.id
       AND t.status + 0 = 1
       AND t.modified = d.token
    RETURNING 1
), next AS MATERIALIZED (
    SELECT id, modified
      FROM {table}
     WHERE status = 0
       AND modified >= :watermark
     ORDER BY modified, id
     LIMIT :limit
       FOR NO KEY UPDATE SKIP LOCKED
), taken AS (
    UPDATE {table} AS t
       SET status = 1,
           worker_pid = :worker_pid, -- [errors]
           modified = statement_timestamp()
      FROM next
     WHERE t.id = next.id
    RETURNING t.id, t.task, t.args, t.modified AS token, next.modified AS queued_at
)
SELECT taken.id, taken.task, taken.args, taken.token, taken.queued_at, (SELECT count(*) FROM done) AS written
  FROM (SELECT) AS always
  LEFT JOIN taken ON true
