-- Says that a worker is running: once a heartbeat, so that people can see it. Times are in UTC.
-- Params: name, host, pid, version, queues, concurrency, lease
-- Returns: nothing
INSERT INTO {workers} (name, host, pid, version, queues, concurrency, lease, started, beat)
VALUES (:name, :host, :pid, :version, :queues, :concurrency, :lease, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))
    ON DUPLICATE KEY UPDATE beat = UTC_TIMESTAMP(6), lease = :lease
