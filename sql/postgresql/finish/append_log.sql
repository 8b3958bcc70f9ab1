-- Writes what running tasks have printed and logged behind the first `offset` characters of their logs, so that a
-- repetition writes the same again. The end of a run writes the whole log once more.
-- A cancelled task has status 4 and no token any more: then `token` is the `modified` of its cancellation, and matches as
-- long as nobody has queued it again. At level 1 `started`, the claim's first token, says too that nobody has claimed since.
-- `modified` stays: it is the claim's token, and only a heartbeat renews it. The 7-column table has no log.
-- Rows that other sessions have locked are left out: `locked` says which they are.
-- Params: ids, tokens, starteds, offsets, texts
-- Returns: id
WITH free AS MATERIALIZED (
    SELECT t.id
      FROM unnest(:ids::uuid[]) AS d (id)
      JOIN {table} AS t ON t.id = d.id
       FOR NO KEY UPDATE OF t SKIP LOCKED
)
UPDATE {table} AS t
   SET log = left(coalesce(t.log, ''), d.position) || d.text -- [errors]
       output = t.output -- [not errors]
  FROM unnest(:ids::uuid[], :tokens::timestamptz[], :starteds::timestamptz[], :offsets::int[], :texts::text[])
       AS d (id, token, started, position, text)
 WHERE t.id = d.id
   AND t.id IN (SELECT id FROM free)
   AND t.status + 0 IN (1, 4)
   AND t.modified = d.token
   AND t.started = d.started -- [migrated]
RETURNING t.id
