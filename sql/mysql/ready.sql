-- The first half of a claim while many rows are queued: locks the oldest that nobody else has locked. `claim` updates
-- exactly these, in the same transaction. There is no UPDATE ... RETURNING here, and a claim must know its rows for
-- certain. The index is named because MariaDB's optimizer does not always take it.
-- The watermark keeps a claim from walking over index entries of rows claimed before: while any session holds an old
-- snapshot nobody can remove them. It is a hint, and the lowest time now and then (`backends/watermark.py`).
-- Params: limit, watermark
-- Returns: id, task, args, queued_at
SELECT t.id, t.task, t.args, t.modified AS queued_at
  FROM {table} AS t
       FORCE INDEX ({ready_index}) -- [indexed]
 WHERE t.status = 0
   AND t.modified >= :watermark
 ORDER BY t.modified, t.id
 LIMIT :limit
   FOR UPDATE SKIP LOCKED
