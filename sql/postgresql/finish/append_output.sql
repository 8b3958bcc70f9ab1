-- Writes streamed text behind the first `offset` characters, so that a repetition writes the same again.
-- `modified` stays: it is the claim's token, and only a heartbeat renews it.
-- Params: ids, tokens, offsets, texts
-- Returns: id
UPDATE {table} AS t
   SET output = left(coalesce(t.output, ''), d.position) || d.text
       , written = t.started, links = t.links & ~16 -- [migrated]
  FROM unnest(:ids::uuid[], :tokens::timestamptz[], :offsets::int[], :texts::text[]) AS d (id, token, position, text)
 WHERE t.id = d.id
   AND t.status + 0 = 1
   AND t.modified = d.token
RETURNING t.id
