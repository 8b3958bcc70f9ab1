-- Hands claimed rows back, in the place they had in the queue.
-- Params: ids, tokens, queued_ats
-- Returns: nothing
UPDATE {table} AS t
   SET status = 0,
       worker_pid = NULL, -- [errors]
       modified = d.queued_at
  FROM unnest(:ids::uuid[], :tokens::timestamptz[], :queued_ats::timestamptz[]) AS d (id, token, queued_at)
 WHERE t.id = d.id
   AND t.status + 0 = 1
   AND t.modified = d.token
