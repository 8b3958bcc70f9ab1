-- Takes the trigger away, with `migrate --no-notify` or `migrate --down`.
-- Params: none
-- Returns: nothing
DROP TRIGGER IF EXISTS {notify_trigger} ON {table}
