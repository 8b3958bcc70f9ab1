-- Level 1: queues the rows again that `strays` has locked. They keep the time of their claim as their place in the queue: the
-- place that they had is not known any more.
-- Params: ids
-- Returns: nothing
UPDATE JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
   SET t.status = 0
       , t.worker_pid = NULL -- [errors]
