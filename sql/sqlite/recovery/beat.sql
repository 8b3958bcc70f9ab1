-- Says that a worker is running: once a heartbeat, so that people can see it. Times are in UTC.
-- Params: name, host, pid, version, queues, concurrency, lease, now_utc
-- Returns: nothing
INSERT INTO {workers} (name, host, pid, version, queues, concurrency, lease, started, beat)
VALUES (:name, :host, :pid, :version, :queues, :concurrency, :lease, :now_utc, :now_utc)
    ON CONFLICT (name) DO UPDATE SET beat = excluded.beat, lease = excluded.lease
