-- Moves `last_tick` on, if nobody has done so for this tick or a later one: whoever does enqueues its task in the same
-- transaction. A repetition finds its own task. Times are in UTC.
-- Params: name, at, id
-- Returns: nothing
UPDATE {ticks}
   SET last_tick = :at, last_task = :id
 WHERE name = :name AND (last_tick < :at OR last_task = :id)
