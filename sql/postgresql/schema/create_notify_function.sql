-- Wakes idle workers when others than asyncqueue have inserted queued rows. asyncqueue announces its own rows, one
-- notification for many: the trigger tells them by the version of their ids, 7, where Django's have 4.
-- The condition is here, and written for an id of any type: a condition of the trigger itself would keep a later
-- migration of Django from altering the columns that it names.
-- Params: none
-- Returns: nothing
CREATE OR REPLACE FUNCTION {notify_function}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM inserted WHERE status = 0 AND substr(replace(id::text, '-', ''), 13, 1) <> '7') THEN
        PERFORM pg_notify({channel}, '');
    END IF;
    RETURN NULL;
END
$$
