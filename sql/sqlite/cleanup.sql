-- Deletes a batch of old ended rows. `cutoff` is the host's clock less the age, in the table's time zone.
-- `statuses` is a JSON array.
-- Params: statuses, cutoff, limit
-- Returns: id
DELETE FROM {table}
 WHERE id IN (SELECT id
                FROM {table}
               WHERE status IN (SELECT value FROM json_each(:statuses))
                 AND modified < :cutoff
               LIMIT :limit)
RETURNING id
