-- What these functions declare of how many of their tasks run, locked until the transaction ends in an order that is the
-- same for all: whoever admits tasks of a function is alone with them.
-- Params: names
-- Returns: name, capacity, rate_count, rate_period, declared
SELECT name, capacity, rate_count, rate_period,
       extract(epoch FROM statement_timestamp() - declared_at)::float8 AS declared
  FROM {limits}
 WHERE name = ANY (:names::text[])
 ORDER BY name
   FOR UPDATE
