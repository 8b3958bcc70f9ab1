-- Which of these claims are still held: those that `put_off` has left as they were, in the same transaction.
-- Params: ids, tokens
-- Returns: id
SELECT t.id
  FROM unnest(:ids::uuid[], :tokens::timestamptz[]) AS d (id, token)
  JOIN {table} AS t ON t.id = d.id
 WHERE t.status + 0 = 1
   AND t.modified = d.token
