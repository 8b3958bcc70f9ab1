-- Writes the ends of many runs at once. Each row is fenced by the claim's token, so that a worker whose claim was
-- taken away changes nothing. The 7-column table has no error column: the text follows the output, as that
-- Django release writes it.
-- `status + 0`, here and wherever claims are fenced: rows are found by their primary key. The index of rows in progress
-- holds all of a claim under one token, and each of them would be looked for among all the others.
-- Params: ids, tokens, statuses, outputs, errors, logs, keeps
-- Returns: id
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
RETURNING t.id
