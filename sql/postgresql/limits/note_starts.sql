-- Notes when the tasks that have these slots started, in seconds since 1970; a state of 2 says that the slot is free
-- again and counts in the rate.
-- Params: ids, states, starts
-- Returns: nothing
UPDATE {limited} AS e
   SET state = d.state,
       started_at = to_timestamp(d.start)
  FROM unnest(:ids::bigint[], :states::int[], :starts::float8[]) AS d (id, state, start)
 WHERE e.id = d.id
