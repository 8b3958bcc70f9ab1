-- A task's status, which run has written what stands in its output (by the time of its claim), and a part of that. What
-- has completed is of the last run; else only what was streamed is known to be of a run, because nothing else is left there.
-- Params: id, offset, limit
-- Returns: status, run, length, text
SELECT status,
       NULL AS run, -- [not migrated]
       CASE WHEN status = 2 THEN started WHEN links & 16 = 0 THEN written END AS run, -- [migrated]
       length(output) AS length,
       substr(output, :offset + 1, :limit) AS text
  FROM {table}
 WHERE id = :id
