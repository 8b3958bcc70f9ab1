-- Hands claimed rows back, in the place they had in the queue.
-- Whether it was put off before is forgotten: it may have run meanwhile.
-- Params: ids, tokens, queued_ats
-- Returns: nothing
UPDATE {table} AS t
   SET status = 0,
       worker_pid = NULL, -- [errors]
       written = CASE WHEN t.links & 16 = 0 THEN t.written END, links = t.links & ~16, -- [migrated]
       modified = d.queued_at
  FROM unnest(:ids::uuid[], :tokens::timestamptz[], :queued_ats::timestamptz[]) AS d (id, token, queued_at)
 WHERE t.id = d.id
   AND t.status + 0 = 1
   AND t.modified = d.token
