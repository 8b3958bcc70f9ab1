-- Which of these claims are still held: those that `put_off` has left as they were, in the same transaction.
-- Params: id, token
-- Returns: id
SELECT id
  FROM {table}
 WHERE status = 1
   AND modified = :token
   AND id BETWEEN :id AND :id
