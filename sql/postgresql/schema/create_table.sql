-- The ten columns of Django Simple Queue's task table, as Django's migrations create them.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {table} (
    id uuid NOT NULL PRIMARY KEY,
    created timestamp with time zone NOT NULL,
    modified timestamp with time zone NOT NULL,
    task varchar(127) NOT NULL,
    args text NULL,
    status integer NOT NULL,
    output text NULL,
    error text NULL,
    log text NULL,
    worker_pid integer NULL
)
