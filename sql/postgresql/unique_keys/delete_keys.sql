-- Deletes unique keys, as far as these tasks are their holders still. It never waits for one that an enqueue is taking.
-- Params: unique_keys, ids
-- Returns: count
WITH free AS MATERIALIZED (
    SELECT k.unique_key
      FROM unnest(:unique_keys::text[], :ids::uuid[]) AS d (unique_key, task_id)
      JOIN {keys} AS k ON k.unique_key = d.unique_key AND k.task_id = d.task_id
       FOR UPDATE OF k SKIP LOCKED
), gone AS (
    DELETE FROM {keys} AS k USING free WHERE k.unique_key = free.unique_key RETURNING k.unique_key
)
SELECT count(*) AS count FROM gone
