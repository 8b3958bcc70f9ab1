-- Level 1: queues rows again that were claimed in a worker's own name and that it does not hold: the reply to their claim was
-- lost, and they have not begun. Nobody has renewed them since `cutoff`. They keep the time of their claim as their place in
-- the queue: the place that they had is not known any more. `still_claimed` is a JSON array of ids.
-- Params: worker, held, cutoff
-- Returns: id
UPDATE {table}
   SET status = 0
       , worker_pid = NULL -- [errors]
 WHERE status = 1
   AND claimed_by = :worker
   AND coalesce(renewed, started) = modified
   AND modified <= :cutoff
   AND id NOT IN (SELECT value FROM json_each(:held))
RETURNING id
