-- Which queues those workers claim from that have been heard of within their lease, or five minutes where they have none:
-- as each was told, with weights; NULL is all queues.
-- Params: none
-- Returns: queues
SELECT DISTINCT queues
  FROM {workers}
 WHERE beat > statement_timestamp() - coalesce(lease, 300) * interval '1 second'
