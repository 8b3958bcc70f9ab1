-- Notes when the tasks that have these places started, in seconds before now; a state of 2 says that the place is free
-- again and counts in the rate.
-- Params: ids, states, ages
-- Returns: nothing
UPDATE {limited} AS e
   SET state = d.state,
       started_at = statement_timestamp() - d.age * interval '1 second'
  FROM unnest(:ids::bigint[], :states::int[], :ages::float8[]) AS d (id, state, age)
 WHERE e.id = d.id
