-- Asked when `finish` changed fewer rows than it was given: which of them already hold exactly this end, because an
-- earlier attempt did commit and only its reply was lost.
-- Params: ids, statuses, outputs, errors, keeps
-- Returns: id
SELECT t.id
  FROM {table} AS t
  JOIN unnest(:ids::uuid[], :statuses::int[], :outputs::text[], :errors::text[], :keeps::bool[])
       AS d (id, status, output, error, keep) ON t.id = d.id
 WHERE t.status = d.status
   AND (d.keep OR t.output IS NOT DISTINCT FROM d.output) -- [errors]
   AND t.error IS NOT DISTINCT FROM d.error -- [errors]
   AND CASE WHEN d.error IS NOT NULL THEN right(t.output, length(d.error)) = d.error -- [not errors]
            ELSE d.keep OR t.output IS NOT DISTINCT FROM d.output END -- [not errors]
