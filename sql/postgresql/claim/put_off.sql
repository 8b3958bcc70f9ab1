-- Puts claimed rows off whose function their worker does not find: they are scheduled again, `delay` seconds ahead, or
-- less where `patience` seconds after the first time come sooner. A row of which these are over is left as it is.
-- `links` notes that a row was put off (16), and `written` when that was first. Each row is fenced by the claim's
-- token.
-- Params: ids, tokens, errors, delay, patience
-- Returns: nothing
UPDATE {table} AS t
   SET status = 5,
       worker_pid = NULL, -- [errors]
       error = d.error, -- [errors]
       run_after = LEAST(
           statement_timestamp() + :delay::float8 * interval '1 second',
           CASE WHEN t.links & 16 <> 0 THEN t.written ELSE statement_timestamp() END
           + :patience::float8 * interval '1 second'
       ),
       written = CASE WHEN t.links & 16 <> 0 THEN t.written ELSE statement_timestamp() END,
       links = (t.links | 16) & ~2,
       modified = statement_timestamp()
  FROM unnest(:ids::uuid[], :tokens::timestamptz[], :errors::text[]) AS d (id, token, error)
 WHERE t.id = d.id
   AND t.status + 0 = 1
   AND t.modified = d.token
   AND (t.links & 16 = 0 OR t.written > statement_timestamp() - :patience::float8 * interval '1 second')
