-- Takes the trigger's function away.
-- Params: none
-- Returns: nothing
DROP FUNCTION IF EXISTS {notify_function}()
