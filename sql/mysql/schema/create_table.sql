-- The ten columns of Django Simple Queue's task table, as Django's migrations create them. The id is char(32) on MySQL
-- and a native uuid on MariaDB 10.7 and later.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {table} (
    id {new_id_type} NOT NULL PRIMARY KEY,
    created datetime(6) NOT NULL,
    modified datetime(6) NOT NULL,
    task varchar(127) NOT NULL,
    args longtext NULL,
    status integer NOT NULL,
    output longtext NULL,
    error longtext NULL,
    log longtext NULL,
    worker_pid integer NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4
