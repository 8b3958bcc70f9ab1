-- Removes the columns of level 1, one line at a time: the table is as Django made it.
-- Params: none
-- Returns: nothing
ALTER TABLE {table} DROP COLUMN queue -- [queue]
ALTER TABLE {table} DROP COLUMN priority -- [priority]
ALTER TABLE {table} DROP COLUMN run_after -- [run_after]
ALTER TABLE {table} DROP COLUMN attempt -- [attempt]
ALTER TABLE {table} DROP COLUMN max_attempts -- [max_attempts]
ALTER TABLE {table} DROP COLUMN losses -- [losses]
ALTER TABLE {table} DROP COLUMN claimed_by -- [claimed_by]
ALTER TABLE {table} DROP COLUMN started -- [started]
ALTER TABLE {table} DROP COLUMN renewed -- [renewed]
ALTER TABLE {table} DROP COLUMN links -- [links]
ALTER TABLE {table} DROP COLUMN limit_key -- [limit_key]
ALTER TABLE {table} DROP COLUMN written -- [written]
