-- Writes streamed text behind the first `offset` characters, so that a repetition writes the same again.
-- `modified` stays: it is the claim's token, and only a heartbeat renews it. One row at a time, within one
-- transaction: a call costs no round trip here, and a text is never copied into an array first.
-- Params: id, token, offset, text
-- Returns: nothing
UPDATE {table}
   SET output = substr(coalesce(output, ''), 1, :offset) || :text
       , written = started, links = links & ~16 -- [migrated]
 WHERE status = 1
   AND modified = :token
   AND id BETWEEN :id AND :id
