-- Settings of a new connection: all that correctness rests on, whatever the server, its init_connect or a proxy has set.
-- A statement commits by itself, and commits for good; nothing is cut to fit, left out or limited; texts travel as
-- utf8mb4. JSON is full of backslashes: with NO_BACKSLASH_ESCAPES they travel once, not twice.
-- A lock is given up before the caller's deadline, also the lock that somebody else's schema change holds. A session that
-- says nothing for `idle` seconds is ended by the server, and with it a transaction whose client was frozen or cut off.
-- `give_up` is when the server ends a statement that the caller has given up a moment before.
-- A session whose `timestamp` was set has a clock that stands still.
-- All of these an ordinary user may set. What MySQL or MariaDB alone knows stands in a comment that the other passes over.
-- Params: lock_wait, idle, give_up
-- Returns: nothing
SET SESSION
    autocommit = 1,
    completion_type = 'NO_CHAIN',
    sql_mode = 'TRADITIONAL,NO_BACKSLASH_ESCAPES',
    character_set_client = utf8mb4,
    character_set_results = utf8mb4,
    collation_connection = utf8mb4_general_ci,
    time_zone = '+00:00',
    timestamp = DEFAULT,
    foreign_key_checks = 1,
    unique_checks = 1,
    sql_safe_updates = 0,
    sql_select_limit = 18446744073709551615,
    max_join_size = 18446744073709551615,
    sql_big_selects = 1,
    sql_auto_is_null = 0,
    innodb_lock_wait_timeout = :lock_wait,
    lock_wait_timeout = :lock_wait,
    wait_timeout = :idle,
    /*!80000 max_execution_time = 1000 * :give_up, */
    /*M! max_statement_time = :give_up, */
    /*M! idle_transaction_timeout = :idle, */
    /*M! idle_write_transaction_timeout = :idle, */
    /*M! idle_readonly_transaction_timeout = :idle, */
    sql_notes = 0
