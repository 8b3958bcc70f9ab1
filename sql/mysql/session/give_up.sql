-- When the server ends a statement of this session: 0 for never, as a migration needs it.
-- Params: give_up
-- Returns: nothing
SET SESSION
    /*!80000 max_execution_time = 1000 * :give_up, */
    /*M! max_statement_time = :give_up, */
    sql_notes = 0
