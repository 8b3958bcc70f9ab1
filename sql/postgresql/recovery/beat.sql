-- Says that a worker is running: once a heartbeat, so that people can see it.
-- Params: name, host, pid, version, queues, concurrency, lease
-- Returns: nothing
INSERT INTO {workers} (name, host, pid, version, queues, concurrency, lease, started, beat)
VALUES (:name, :host, :pid, :version, :queues, :concurrency, :lease, statement_timestamp(), statement_timestamp())
    ON CONFLICT (name) DO UPDATE SET beat = excluded.beat, lease = excluded.lease
