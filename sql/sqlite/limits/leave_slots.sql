-- Takes from tasks that `put_off` has scheduled in the same transaction the slots that they had under a limit. A claim that
-- found no function is not a start, so the slot counts in no rate.
-- Params: task_id
-- Returns: nothing
DELETE FROM {limited}
 WHERE task_id = :task_id
   AND state = 1
   AND EXISTS (SELECT 1 FROM {table} AS t WHERE t.id = :task_id AND t.status = 5 AND t.links & 16 <> 0)
