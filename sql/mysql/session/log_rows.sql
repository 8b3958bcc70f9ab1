-- Has the binary log written row by row, where the user may say so: transactions are READ COMMITTED, and InnoDB refuses to
-- write those as statements (error 1665).
-- Params: none
-- Returns: nothing
SET SESSION binlog_format = 'ROW'
