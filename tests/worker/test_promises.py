"""What is promised of a whole fleet, with eight real workers and a witness outside the database."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack

import pytest

from asyncqueue import Status
from tests.servers.cases import cases, migrated
from tests.worker import sample_tasks
from tests.worker.process import WorkerProcess, lines

WORKERS = 8
MIGRATED = cases("database", migrated())


@MIGRATED
@pytest.mark.timeout(240)
async def test_of_one_unique_key_never_two_tasks_run_at_once(queue, database, tmp_path):
    witness = tmp_path / "witness"
    keys = [f"key {number}" for number in range(5)]
    spawners = 4 * WORKERS
    args = {"url": database.url, "witness": str(witness), "keys": keys, "times": 8}
    await queue.enqueue_many([(sample_tasks.spawn, args) for _ in range(spawners)])
    with ExitStack() as stack:
        workers = [
            stack.enter_context(WorkerProcess(database.url, tmp_path, "--concurrency", "10", "--burst"))
            for _ in range(WORKERS)
        ]
        assert [await worker.wait(150) for worker in workers] == [0] * WORKERS
    with WorkerProcess(database.url, tmp_path, "--burst") as last:
        assert await last.wait() == 0
    seen = Counter(lines(witness))
    for key in keys:
        events = [line.split()[0] for line in lines(witness) if line.endswith(key) and not line.startswith("created")]
        assert events == ["start", "end"] * (len(events) // 2), key
        assert seen[f"created {key}"] == seen[f"start {key}"] == seen[f"end {key}"] > 1
    assert await queue.count(status=Status.COMPLETED) == spawners + sum(seen[f"end {key}"] for key in keys)
