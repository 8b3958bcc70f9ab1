-- Wakes idle workers, as enqueueing with asyncqueue does.
-- Params: none
-- Returns: nothing
CREATE OR REPLACE FUNCTION {notify_function}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify({channel}, '');
    RETURN NULL;
END
$$
