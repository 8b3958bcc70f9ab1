-- Tasks that are set aside for a slot under a limit, and for which nobody notes that they wait for one: Django leaves such a
-- row where it saves one whole as it was while it waited.
-- Params: count
-- Returns: id
SELECT t.id
  FROM {table} AS t
 WHERE t.status = 5
   AND t.run_after IS NULL
   AND t.links & 3 = 1
   AND NOT EXISTS (SELECT 1 FROM {limited} AS e WHERE e.task_id = t.id AND e.state < 2)
 LIMIT :count
