"""Workers that delete what need not be kept."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable
from uuid import UUID

from asyncqueue import Queue, Status, Worker
from asyncqueue.model import AttemptEnd
from asyncqueue.worker import cleaning
from tests.servers.cases import Case, cases, migrated, shaped
from tests.worker import sample_tasks
from tests.worker.process import WorkerProcess, until

MIGRATED = cases("database", migrated())
QUICKLY = ("--keep-completed", "1s", "--cleanup-interval", "1s", "--poll-max", "0.1")


def cleaned(queue: Queue) -> Callable[[], Awaitable[bool]]:
    """Whether of the queue `default` one task runs, none is queued and none that has completed is left."""

    async def look() -> bool:
        [state] = [each for each in await queue.queues() if each.name == "default"]
        return (state.queued, state.running) == (0, 1) and await queue.count(status=Status.COMPLETED) == 0

    return look


async def deleted_by(workers: list[WorkerProcess]) -> int:
    """Stop them: how many tasks they say that they have deleted."""
    for worker in workers:
        worker.signal(signal.SIGTERM)
    for worker in workers:
        assert await worker.wait(20) == 0
    return sum(int(n) for worker in workers for n in re.findall(r"deleted (\d+) tasks that ended", worker.text()))


@MIGRATED
async def test_workers_delete_what_has_ended_while_they_work_and_nothing_else(queue, database, tmp_path):
    """Two of them, of which one at a time does it: each row is deleted once, and what has not ended is all there."""
    kept = [await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1}, delay=3600) for _ in range(3)]
    kept += [await queue.enqueue(sample_tasks.add, {"a": "x", "b": 1}) for _ in range(3)]  # these fail
    kept += [await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1}, queue="elsewhere") for _ in range(3)]
    await queue.enqueue_many((sample_tasks.add, {"a": n, "b": 1}) for n in range(300))
    slow = {"witness": str(tmp_path / "witness"), "key": "slow", "seconds": 600}
    running = await queue.enqueue(sample_tasks.slow, slow, priority=1)
    options = (*QUICKLY, "--queue", "default", "--grace", "0", "--concurrency", "20")
    with WorkerProcess(database.url, tmp_path, *options) as one, WorkerProcess(database.url, tmp_path, *options) as two:
        await until(cleaned(queue), what="the deletion of what has completed")
        await queue.enqueue_many((sample_tasks.add, {"a": n, "b": 1}) for n in range(300))
        await until(cleaned(queue), what="the deletion of more")
        found = {each.id: each.status for each in await queue.list()}
        deleted = await deleted_by([one, two])
    assert set(found) == {running.id, *(handle.id for handle in kept)}
    assert sorted(found.values()) == sorted([Status.RUNNING, *[Status.SCHEDULED, Status.FAILED, Status.QUEUED] * 3])
    assert deleted == 600


@cases("database", shaped(["sqlite", "postgresql"], [10]))
async def test_on_a_table_that_is_not_migrated_nothing_is_deleted_and_the_worker_says_so(queue, database, tmp_path):
    await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})
    with WorkerProcess(database.url, tmp_path, *QUICKLY) as worker:
        await worker.wait_for_log("ended tasks are kept although settings say how long")
        await asyncio.sleep(2)
        assert await deleted_by([worker]) == 0
        assert worker.text().count("ended tasks are kept although") == 1
    assert await queue.count(status=Status.COMPLETED) == 1


@MIGRATED
async def test_a_worker_sweeps_up_what_is_left_of_tasks_that_are_gone(queue, database, monkeypatch):
    monkeypatch.setattr(cleaning, "_ASK_EVERY", 0.2)
    handle = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})
    [claim] = await queue.backend.claim(1, worker_pid=None)
    end = AttemptEnd(claim.id, claim.token, Status.FAILED, None, "no", None, False, None, 1, claim.token)
    await queue.backend.end_attempts([end])
    database.execute(f"DELETE FROM {database.table}")
    assert len(await handle.attempts()) == 1
    key = str(UUID(int=1)) if database.dialect == "postgresql" else UUID(int=1).hex
    database.execute("INSERT INTO asyncqueue_keys (unique_key, task_id, held_for) VALUES ('x', %s, 0)", key)

    async def swept() -> bool:
        return not database.execute("SELECT * FROM asyncqueue_keys") and not await handle.attempts()

    worker = Worker(queue)
    running = asyncio.create_task(worker.run())
    try:
        await until(swept, 20, "the sweep")
    finally:
        worker.stop()
        await running


@cases("database", [Case("sqlite", 10, migrated=True), Case("postgresql", 10, migrated=True)])
async def test_a_turn_on_a_large_table_ends_and_the_next_goes_on(queue, monkeypatch):
    """Where much is looked at in vain."""
    monkeypatch.setattr(cleaning, "_PATIENCE", 1)
    backend = queue.backend
    await queue.enqueue_many((sample_tasks.add, {"a": n, "b": 1}) for n in range(2500))
    deleted: list[int] = []
    cleaner = cleaning.Cleaner(backend, ages={Status.COMPLETED: 60.0}, interval=60, on_deleted=deleted.append)
    assert await backend.maintenance.take(cleaning.CLEANUP, 60)
    places = []
    for _ in range(2):
        await cleaner._clean()
        places.append(await backend.maintenance.resume_from(cleaning.CLEANUP))
    assert places[0] is not None
    assert places[1] != places[0]
    assert deleted == []
