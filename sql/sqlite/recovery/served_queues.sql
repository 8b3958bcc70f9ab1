-- Which queues those workers claim from that have been heard of within their lease, or five minutes where they have none:
-- as each was told, with weights; NULL is all queues.
-- Params: now_utc
-- Returns: queues
SELECT DISTINCT queues
  FROM {workers}
 WHERE (julianday(:now_utc) - julianday(beat)) * 86400.0 < coalesce(lease, 300)
