-- Rows that Django inserts wake idle workers too. Those of asyncqueue are announced by itself, one notification for many
-- rows: their ids are of version 7, Django's of version 4. Several of one transaction are one notification.
-- Params: none
-- Returns: nothing
CREATE TRIGGER {notify_trigger} AFTER INSERT ON {table} FOR EACH ROW
    WHEN (NEW.status = 0 AND get_byte(uuid_send(NEW.id), 6) >> 4 <> 7)
    EXECUTE FUNCTION {notify_function}()
