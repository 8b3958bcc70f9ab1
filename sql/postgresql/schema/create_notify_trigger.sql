-- Rows that Django inserts wake idle workers too: one call of the function for each statement that inserts.
-- Params: none
-- Returns: nothing
CREATE TRIGGER {notify_trigger} AFTER INSERT ON {table}
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION {notify_function}()
