-- `finish` and `claim` as one statement, one round trip and one commit: what a busy worker does all the time.
-- Both see the table as it was before: a row that ends here is none that is claimed here. The count of the ends
-- written stands in every row; there is one row at least, with nothing but that, where nothing is claimed.
-- Where the count is less than was given, `finished` says which; the rest is said at `finish` and `claim`.
-- Rows are taken before any is ended, because `always` reads `taken` to its end before the count asks for `done`: in one case
-- SKIP LOCKED does wait, for a row that this statement still sees as queued while another worker, which has claimed it since,
-- ends it now (PostgreSQL locks a row's newer versions without asking whether it may wait). Two workers that had written ends
-- already waited for each other's like that, until the server found the deadlock after a second.
--
-- Level 1 claims bucket by bucket: a bucket is what one queue holds at one priority. Either the buckets are given, in order and
-- each with its claim cursor, or, with `list_buckets`, they are found: one step in the index for each, however many rows it has;
-- `serving` names the queues that count, in order (NULL: all, by priority and else in turn). What a look claims of a bucket
-- begins at the oldest row that the step has come upon, so that dead index entries before it are walked over once. A look
-- also says which buckets it has found, and in how many seconds the next scheduled row is due. A claim alone is this statement
-- without ends.
-- What Python cannot hold as a time is not claimed: the claim cursor is above the earliest ones, and `timestamptz_lt` leaves out
-- infinity and what comes after the year 9999. As an operator it would be a second bound of the index, whose guess of the
-- number of rows spoils the plan. `fail_unreadable` sees to those rows.
-- Params: ids, tokens, statuses, outputs, errors, logs, keeps, limit, worker_pid, cursor, scan, serving, queues, priorities, bounds, worker
-- Returns: id, task, args, token, queued_at, attempt, max_attempts, queue, priority, links, written, due_in, buckets
WITH RECURSIVE done AS (
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
), found AS ( -- [migrated]
    (SELECT queue, priority, modified -- [migrated]
       FROM {table} -- [migrated]
      WHERE :scan::bool AND status = 0 -- [migrated]
      ORDER BY queue, priority, modified -- [migrated]
      LIMIT 1) -- [migrated]
     UNION ALL -- [migrated]
    SELECT later.queue, later.priority, later.modified -- [migrated]
      FROM found -- [migrated]
     CROSS JOIN LATERAL (SELECT t.queue, t.priority, t.modified -- [migrated]
                           FROM {table} AS t -- [migrated]
                          WHERE t.status = 0 AND (t.queue, t.priority) > (found.queue, found.priority) -- [migrated]
                          ORDER BY t.queue, t.priority, t.modified -- [migrated]
                          LIMIT 1) AS later -- [migrated]
), bucket AS MATERIALIZED ( -- [migrated]
    SELECT queue, priority, bound -- [migrated]
      FROM (SELECT queue, priority, bound, position -- [migrated]
              FROM unnest(:queues::text[], :priorities::int[], :bounds::timestamptz[]) -- [migrated]
                   WITH ORDINALITY AS given (queue, priority, bound, position) -- [migrated]
             UNION ALL -- [migrated]
            SELECT queue, priority, greatest(modified, '0001-01-02Z'::timestamptz), -- [migrated]
                   row_number() OVER (ORDER BY array_position(:serving::text[], queue::text), priority DESC, random()) -- [migrated]
              FROM found -- [migrated]
             WHERE :serving::text[] IS NULL OR queue = ANY (:serving::text[])) AS every -- [migrated]
     WHERE queue NOT IN (SELECT name FROM {queues} WHERE paused) -- [migrated]
     ORDER BY position -- [migrated]
), next AS MATERIALIZED (
    SELECT id, modified
      FROM {table} -- [not migrated]
     WHERE status = 0 -- [not migrated]
       AND modified >= :cursor -- [not migrated]
       AND timestamptz_lt(modified, '9999-12-30Z'::timestamptz) -- [not migrated]
     ORDER BY modified, id -- [not migrated]
      FROM bucket -- [migrated]
     CROSS JOIN LATERAL (SELECT t.id, t.modified -- [migrated]
                           FROM {table} AS t -- [migrated]
                          WHERE t.status = 0 -- [migrated]
                            AND t.queue = bucket.queue -- [migrated]
                            AND t.priority = bucket.priority -- [migrated]
                            AND t.modified >= bucket.bound -- [migrated]
                            AND timestamptz_lt(t.modified, '9999-12-30Z'::timestamptz) -- [migrated]
                          ORDER BY t.modified, t.id -- [migrated]
                          LIMIT :limit -- [migrated]
                            FOR NO KEY UPDATE SKIP LOCKED) AS ready -- [migrated]
     LIMIT :limit
       FOR NO KEY UPDATE SKIP LOCKED -- [not migrated]
), taken AS (
    UPDATE {table} AS t
       SET status = 1,
           worker_pid = :worker_pid, -- [errors]
           claimed_by = :worker, -- [migrated]
           started = statement_timestamp(), -- [migrated]
           renewed = statement_timestamp(), -- [migrated]
           modified = statement_timestamp()
      FROM next
     WHERE t.id = next.id
       AND t.status + 0 = 0
    RETURNING t.id, t.task, t.args, t.modified AS token, next.modified AS queued_at
              , t.attempt, t.max_attempts, t.queue, t.priority -- [migrated]
              , t.links -- [migrated]
)
SELECT taken.id, taken.task, taken.args, taken.token, taken.queued_at,
       taken.attempt, taken.max_attempts, taken.queue, taken.priority, -- [migrated]
       taken.links, -- [migrated]
       (SELECT count(*) FROM done) AS written
       , CASE WHEN :scan::bool THEN (SELECT extract(epoch FROM CASE WHEN run_after < '0001-01-02Z'::timestamptz THEN '0001-01-02Z'::timestamptz -- [migrated]
                                                                    WHEN run_after > '9999-12-30Z'::timestamptz THEN '9999-12-30Z'::timestamptz -- [migrated]
                                                                    ELSE run_after END - statement_timestamp())::float8 -- [migrated]
                                       FROM (SELECT min(run_after) FROM {table} WHERE status = 5) AS first (run_after)) END AS due_in -- [migrated]
       , CASE WHEN :scan::bool THEN (SELECT json_agg(json_build_array(queue, priority))::text FROM bucket) END AS buckets -- [migrated]
  FROM (SELECT count(*) FROM taken) AS always
  LEFT JOIN taken ON true
