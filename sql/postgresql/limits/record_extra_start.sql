-- Notes an earlier start of tasks that have these slots and start once more: it counts in the rate like that of one that
-- has ended. `starts` are in seconds since 1970.
-- Params: ids, starts
-- Returns: nothing
INSERT INTO {limited} (name, limit_key, task_id, precedence, queue, held_at, admitted_at, started_at, state)
SELECT e.name, e.limit_key, e.task_id, e.precedence, e.queue, e.held_at, e.admitted_at,
       to_timestamp(d.start), 2
  FROM unnest(:ids::bigint[], :starts::float8[]) AS d (id, start)
  JOIN {limited} AS e ON e.id = d.id
