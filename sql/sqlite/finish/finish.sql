-- Writes the ends of runs. A row is fenced by the claim's token, so that a worker whose claim was taken away changes
-- nothing. The 7-column table has no error column: the text follows the output, as that Django release writes it.
-- `rows` is a list of rows with a place for each column. As a statement for each row, which lets go of Python's lock and
-- fights for it again each time, it takes twice as long; as JSON, longer than either where a text has a thousand characters.
-- `now` is the host's clock. BETWEEN, here and wherever a claim is fenced, is `=`, of which SQLite thinks that the
-- primary key finds it fastest; the index of rows in progress holds a few of them, and they are neighbours.
-- Params: rows
-- Returns: nothing
UPDATE {table} AS t
   SET status = d.status,
       modified = d.now,
       worker_pid = NULL, -- [errors]
       error = d.error, -- [errors]
       log = d.log, -- [errors]
       output = CASE WHEN d.keep THEN t.output ELSE d.output END -- [errors]
       output = CASE WHEN d.error IS NULL THEN CASE WHEN d.keep THEN t.output ELSE d.output END -- [not errors]
                     ELSE coalesce(CASE WHEN d.keep THEN t.output ELSE d.output END, '') || d.error END -- [not errors]
  FROM (
           SELECT column1 AS id,
                  column2 AS token,
                  column3 AS status,
                  column4 AS output,
                  column5 AS error,
                  column6 AS log,
                  column7 AS keep,
                  column8 AS now
             FROM (VALUES :rows)
       ) AS d
 WHERE t.status = 1
   AND t.modified = d.token
   AND t.id BETWEEN d.id AND d.id
