-- Which queues those workers claim from that have been heard of within their lease, or five minutes where they have none:
-- as each was told, with weights; NULL is all queues.
-- Params: none
-- Returns: queues
SELECT DISTINCT queues
  FROM {workers}
 WHERE TIMESTAMPDIFF(MICROSECOND, beat, UTC_TIMESTAMP(6)) / 1e6 < COALESCE(lease, 300)
