-- Cancels tasks that `lock_waiting` has locked, because what they waited for has failed, with a text that says so. On the
-- 7-column table that is the output.
-- Params: ids, errors
-- Returns: nothing
UPDATE {table} AS t
   SET status = 4,
       run_after = NULL,
       links = t.links & ~2,
       error = d.error, -- [errors]
       output = d.error, -- [not errors]
       modified = statement_timestamp()
  FROM unnest(:ids::uuid[], :errors::text[]) AS d (id, error)
 WHERE t.id = d.id
