-- Takes from tasks that `put_off` has scheduled in the same transaction the slots that they had under a limit. A claim that
-- found no function is not a start, so the slot counts in no rate.
-- Params: task_ids
-- Returns: nothing
DELETE FROM {limited} AS e
 USING {table} AS t
 WHERE e.task_id = ANY (:task_ids::uuid[])
   AND e.state = 1
   AND t.id = e.task_id
   AND t.status = 5
   AND t.links & 16 <> 0
