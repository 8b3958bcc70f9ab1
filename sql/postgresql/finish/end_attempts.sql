-- Writes the ends of attempts that are recorded, because others have gone before or will follow: `finish`, with what
-- becomes of the row after it and a record. A number is one more than the last of that task, which nobody else writes
-- while the claim is held. Level 1 alone knows attempts. One that has run waits for nobody any more, whoever queued it.
-- A worker that was lost leaves what it has written of the log; it stands in the record, too, unless it is that of the
-- attempt before.
-- Params: ids, tokens, statuses, outputs, errors, logs, keeps, delays, attempts, losts
-- Returns: id
WITH ended AS (
    UPDATE {table} AS t
       SET status = d.status,
           modified = statement_timestamp(),
           run_after = CASE WHEN d.status = 5 THEN statement_timestamp() + d.delay * interval '1 second' END,
           attempt = d.attempt,
           losses = t.losses + d.lost::integer,
           written = CASE WHEN t.links & 16 = 0 THEN t.written END, links = (t.links | 8) & ~18, -- [migrated]
           worker_pid = NULL, -- [errors]
           error = d.error, -- [errors]
           log = CASE WHEN d.lost THEN t.log ELSE d.log END, -- [errors]
           output = CASE WHEN d.keep THEN t.output ELSE d.output END -- [errors]
           output = CASE WHEN d.error IS NULL THEN CASE WHEN d.keep THEN t.output ELSE d.output END -- [not errors]
                         ELSE coalesce(CASE WHEN d.keep THEN t.output ELSE d.output END, '') || d.error END -- [not errors]
      FROM unnest(:ids::uuid[], :tokens::timestamptz[], :statuses::int[], :outputs::text[], :errors::text[],
                  :logs::text[], :keeps::bool[], :delays::float8[], :attempts::int[], :losts::bool[])
           AS d (id, token, status, output, error, log, keep, delay, attempt, lost)
     WHERE t.id = d.id
       AND t.status + 0 = 1
       AND t.modified = d.token
    RETURNING t.id, t.claimed_by, t.started, t.modified, d.status, d.error, d.lost
              , t.log -- [errors]
              , d.log -- [not errors]
), recorded AS (
    INSERT INTO {attempts} (task_id, number, outcome, error, log, worker, started, ended)
    SELECT id,
           (SELECT coalesce(max(number), 0) + 1 FROM {attempts} WHERE task_id = ended.id),
           CASE WHEN lost THEN 'lost' WHEN status = 2 THEN 'completed' ELSE 'failed' END,
           error,
           CASE WHEN lost THEN nullif(log, (SELECT log FROM {attempts} WHERE task_id = ended.id ORDER BY number DESC LIMIT 1))
                ELSE log END,
           claimed_by, started, modified
      FROM ended
)
SELECT id FROM ended
