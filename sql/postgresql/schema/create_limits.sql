-- What functions declare: how many of their tasks may run at once, and how many may start within a while, in seconds. NULL
-- is no such limit. Whoever admits tasks locks the rows of their functions, and so is alone with them. `declared_at` is when
-- the youngest process began that has said so, in UTC where times have no zone; NULL where no worker has.
-- Params: none
-- Returns: nothing
CREATE TABLE IF NOT EXISTS {limits} (
    name varchar(255) NOT NULL PRIMARY KEY,
    capacity integer NULL,
    rate_count integer NULL,
    rate_period double precision NULL,
    declared_at timestamp with time zone NULL
)
