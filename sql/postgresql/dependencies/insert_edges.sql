-- Notes which tasks wait for which, in the transaction that inserts them. What is noted already stays as it is, so that a
-- repetition after a lost reply is harmless, also where an edge has been closed meanwhile.
-- Params: ids, predecessor_ids, positions, on_failures
-- Returns: nothing
INSERT INTO {edges} (task_id, predecessor_id, position, on_failure)
SELECT d.id, d.predecessor_id, d.position, d.on_failure
  FROM unnest(:ids::uuid[], :predecessor_ids::uuid[], :positions::int[], :on_failures::text[])
       AS d (id, predecessor_id, position, on_failure)
    ON CONFLICT (task_id, predecessor_id) DO NOTHING
