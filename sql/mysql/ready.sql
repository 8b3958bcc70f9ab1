-- The first half of a claim: locks the oldest queued rows that nobody else has locked. `claim` updates exactly these,
-- in the same transaction. There is no UPDATE ... RETURNING here, and a claim must know its rows for certain.
-- The index is named because MariaDB's optimizer does not always take it. Without that index a sort comes first, which
-- would lock every queued row: so candidates are read without locks, and locked one by one until there are enough.
-- There are more of them than other workers can be expected to hold.
-- The watermark keeps a claim from walking over index entries of rows claimed before: while any session holds an old
-- snapshot nobody can remove them. It is a hint, and the lowest time at least once a second.
-- Params: limit, watermark
-- Returns: id, task, args, queued_at
SELECT t.id, t.task, t.args, t.modified AS queued_at
  FROM {table} AS t FORCE INDEX ({ready_index}) -- [indexed]
  FROM (SELECT id FROM {table} WHERE status = 0 AND modified >= :watermark ORDER BY modified, id LIMIT 10000) AS d -- [not indexed]
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id -- [not indexed]
 WHERE t.status = 0
   AND t.modified >= :watermark -- [indexed]
 ORDER BY t.modified, t.id -- [indexed]
 LIMIT :limit
   FOR UPDATE SKIP LOCKED
