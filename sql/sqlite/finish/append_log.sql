-- Writes what a running task has printed and logged behind the first `offset` characters of its log, so that a repetition
-- writes the same again. The end of a run writes the whole log once more.
-- A cancelled task has status 4 and no token any more: then `token` is the `modified` of its cancellation, and matches as
-- long as nobody has queued it again. At level 1 `started`, the claim's first token, says too that nobody has claimed since.
-- `modified` stays: it is the claim's token, and only a heartbeat renews it. The 7-column table has no log.
-- `+` keeps every index but that of the ids away: the one of rows in progress does not have those that were cancelled.
-- Params: id, token, started, offset, text
-- Returns: nothing
UPDATE {table}
   SET log = substr(coalesce(log, ''), 1, :offset) || :text -- [errors]
       output = output -- [not errors]
 WHERE id = :id
   AND +status IN (1, 4)
   AND +modified = :token
   AND started = :started -- [migrated]
