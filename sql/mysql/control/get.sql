-- Reads rows by id.
-- Params: ids
-- Returns: id, created, modified, task, args, status, output, error, log, worker_pid, queue, priority, run_after, attempt, max_attempts, claimed_by, started, links, limit_key
SELECT t.id, t.created, t.modified, t.task, t.args, t.status, t.output
       , t.error, t.log, t.worker_pid -- [errors]
       , NULL AS error, NULL AS log, NULL AS worker_pid -- [not errors]
       , t.queue, t.priority, t.run_after, t.attempt, t.max_attempts, NULLIF(TRIM(t.claimed_by), '') AS claimed_by, t.started -- [migrated]
       , t.links, t.limit_key -- [migrated]
  FROM JSON_TABLE(:ids, '$[*]' COLUMNS (id {id_type} PATH '$')) AS d
       STRAIGHT_JOIN {table} AS t FORCE INDEX (PRIMARY) ON t.id = d.id
