-- A task's status, which run it is in (by the time of its claim), and a part of what has been written of its output.
-- Params: id, offset, limit
-- Returns: status, run, length, text
SELECT status,
       NULL AS run, -- [not migrated]
       started AS run, -- [migrated]
       CHAR_LENGTH(output) AS length,
       SUBSTRING(output, :offset + 1, :limit) AS text
  FROM {table}
 WHERE id = :id
