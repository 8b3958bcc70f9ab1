-- The ten columns of Django Simple Queue's task table, as Django's migrations create them.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {table} (
    "id" char(32) NOT NULL PRIMARY KEY,
    "created" datetime NOT NULL,
    "modified" datetime NOT NULL,
    "task" varchar(127) NOT NULL,
    "args" text NULL,
    "status" integer NOT NULL,
    "output" text NULL,
    "error" text NULL,
    "log" text NULL,
    "worker_pid" integer NULL
)
