"""A worker that lacks a task's function leaves the task to workers that have it, where the table can hold that."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from asyncqueue import Queue, Status
from asyncqueue.handle import TaskHandle
from asyncqueue.worker import limiter
from tests.servers.cases import cases, migrated, shaped
from tests.worker.process import WorkerProcess, until
from tests.worker.test_trouble import working

MIGRATED = cases("database", migrated())
NOT_MIGRATED = cases("database", shaped(shapes=[10]))

OLD = """
from asyncqueue import task
@task
async def known() -> str:
    return "known"
"""
NEW = f"""{OLD}
@task(max_attempts=3)
async def added() -> str:
    return "added"
"""
MOVED = """
from asyncqueue import current_task, task
@task(name="deployed.known")
async def known() -> str:
    return f"moved {current_task().task}"
@task(aliases=["deployed.alone"], isolation="process")
def alone() -> str:
    return f"moved {current_task().task}"
"""
BROKEN = "import no_such_dependency"


@pytest.fixture
def release(tmp_path: Path):
    """Makes a release of the application, and gives what its workers have in their environment."""

    def make(source: str) -> dict[str, str]:
        folder = tmp_path / f"release-{len(list(tmp_path.glob('release-*')))}"
        folder.mkdir()
        (folder / "deployed.py").write_text(source)
        return {"PYTHONPATH": str(folder)}

    return make


async def _until_all(queue: Queue, handles: list[TaskHandle], status: Status, *, but: int = 0) -> None:
    """Let time pass for what is put off, until all have this status, `but` so many."""

    async def over() -> bool:
        records = await queue.backend.get([each.id for each in handles])
        if sum(record.status == status for record in records) == len(handles) - but:
            return True
        shape = queue.backend.shape
        if shape is not None and shape.migrated:
            await queue.backend.scheduled.advance(10_000_000)
        return False

    await until(over, what=f"{len(handles)} tasks that are {status.name}")


@MIGRATED
async def test_in_a_rolling_deployment_a_task_waits_for_a_worker_of_its_release(queue, database, tmp_path, release):
    with WorkerProcess(database.url, tmp_path, **release(OLD)) as old:
        assert await (await queue.enqueue("deployed.known")).result(timeout=60) == "known"
        handle = await queue.enqueue("deployed.added", unique_key="one")
        await old.wait_for_log("is put off for other workers")
        record = await handle.record()
        assert (record.status, record.attempt) == (Status.SCHEDULED, 0)
        assert (record.run_after - record.modified).total_seconds() == pytest.approx(10, abs=0.5)
        assert "deployed has no attribute 'added'" in (record.error or "")
        assert not (await queue.enqueue("deployed.added", unique_key="one")).created
        with WorkerProcess(database.url, tmp_path, **release(NEW)):
            await _until_all(queue, [handle], Status.COMPLETED)
        assert await handle.result() == "added"
        assert [(each.number, each.outcome) for each in await handle.attempts()] == [(1, "completed")]
        assert old.alive


@NOT_MIGRATED
async def test_where_the_table_cannot_hold_it_a_task_fails_at_once(queue, database, tmp_path, release):
    known = await queue.enqueue("deployed.known")
    handle = await queue.enqueue("deployed.added")
    with WorkerProcess(database.url, tmp_path, "--burst", **release(OLD)) as old:
        assert await old.wait() == 0
    assert await known.status() == Status.COMPLETED
    record = await handle.record()
    assert (record.status, record.error) == (Status.FAILED, "deployed.added: deployed has no attribute 'added'")


@MIGRATED
async def test_a_task_that_no_worker_knows_fails_in_the_end(queue, database, tmp_path, release):
    setting = {"ASYNCQUEUE_UNKNOWN_TASKS": "1s", **release(OLD)}
    with WorkerProcess(database.url, tmp_path, **setting) as worker:
        handle = await queue.enqueue("deployed.added")
        await worker.wait_for_log("is put off for other workers")
        await _until_all(queue, [handle], Status.FAILED)
        assert "setting unknown_tasks" in ((await handle.record()).error or "")
        assert [each.number for each in await handle.attempts()] == [1]


@MIGRATED
async def test_under_a_limit_that_nobody_has_declared_a_task_fails_no_later(queue, monkeypatch):
    """It waits for a worker that declares the limit, but not as long as for a Django worker's task."""
    monkeypatch.setattr(limiter, "_SAID_BY_ALL", 1.0)
    handle = await queue.enqueue("tests.worker.nowhere.nothing", limit_key="one")
    async with working(queue, lease=3.0, heartbeat=0.5, unknown_tasks=1.0):
        await _until_all(queue, [handle], Status.FAILED)
    assert "setting unknown_tasks" in ((await handle.record()).error or "")


@MIGRATED
async def test_a_burst_does_not_wait_for_what_is_put_off(queue, database, tmp_path, release):
    known, added = await queue.enqueue("deployed.known"), await queue.enqueue("deployed.added")
    with WorkerProcess(database.url, tmp_path, "--burst", **release(OLD)) as worker:
        assert await worker.wait() == 0
        assert "1 completed, 0 failed, 1 put off" in worker.text()
        assert "released" not in worker.text()
    assert (await known.status(), await added.status()) == (Status.COMPLETED, Status.SCHEDULED)


@MIGRATED
async def test_a_function_can_move_while_its_tasks_are_queued(queue, database, tmp_path, release):
    handles = [await queue.enqueue(f"deployed.{name}") for name in ("known", "alone")]
    environment = release("")
    (Path(environment["PYTHONPATH"]) / "moved.py").write_text(MOVED)
    with WorkerProcess(database.url, tmp_path, "--burst", "--import", "moved", **environment) as worker:
        assert await worker.wait() == 0
    assert [await handle.result() for handle in handles] == ["moved deployed.known", "moved deployed.alone"]


@MIGRATED
async def test_a_module_that_raises_fails_its_task_at_once(queue, database, tmp_path, release):
    handle = await queue.enqueue("deployed.known")
    with WorkerProcess(database.url, tmp_path, "--burst", **release(BROKEN)) as worker:
        assert await worker.wait() == 1, "it has found no function at all"
    assert await handle.status() == Status.FAILED
    assert "No module named 'no_such_dependency'" in ((await handle.record()).error or "")


@cases("database", [*migrated(), *shaped(shapes=[10])])
@pytest.mark.parametrize("count", [1, 5])
async def test_a_burst_in_the_wrong_folder_says_so_however_few_tasks_there_are(queue, database, tmp_path, count):
    await queue.enqueue_many([("deployed.known", None)] * count)
    with WorkerProcess(database.url, tmp_path, "--burst") as worker:
        assert await worker.wait() == 1
        text = worker.text()
    assert f"no function was found for any of the tasks claimed so far ({count}): deployed.known" in text
    assert sys.executable in text
    assert text.count("is this the right folder") == 1
    end = Status.SCHEDULED if queue.backend.shape.migrated else Status.FAILED
    assert await queue.count(status=end) == count


@NOT_MIGRATED
async def test_a_burst_that_finds_nothing_to_claim_is_in_no_wrong_folder(queue, database, tmp_path):
    with WorkerProcess(database.url, tmp_path, "--burst") as worker:
        assert await worker.wait() == 0


@MIGRATED
async def test_a_task_is_put_off_no_longer_than_it_may_wait(queue, database, tmp_path, release):
    with WorkerProcess(database.url, tmp_path, ASYNCQUEUE_UNKNOWN_TASKS="3s", **release(OLD)) as worker:
        handle = await queue.enqueue("deployed.added")
        await worker.wait_for_log("is put off for other workers, for up to 3 s")
        record = await handle.record()
        assert "it is due again within 3 seconds" in (record.error or "")
        assert (record.run_after - record.modified).total_seconds() == pytest.approx(3, abs=0.1)


COUNT = 300


@cases("database", [*migrated(), *shaped(shapes=[10])])
async def test_a_worker_in_the_wrong_folder_stops_claiming(queue, database, tmp_path, release):
    handles = await queue.enqueue_many([("deployed.known", None)] * COUNT)
    with WorkerProcess(database.url, tmp_path, "--concurrency", "20") as worker:
        await worker.wait_for_log("is this the right folder, and the right virtual environment?")
        await worker.wait_for_log("Not claiming for")
        assert "No module named 'deployed'" in worker.text()
        worker.signal(signal.SIGTERM)
        assert await worker.wait() == 0
    failed = await queue.count(status=Status.FAILED)
    put_off = await queue.count(status=Status.SCHEDULED)
    if queue.backend.shape.migrated:
        assert failed == 0
        assert 10 <= put_off <= 150
    else:
        assert 10 <= failed <= 15, "a few, and one at each later try"
    with WorkerProcess(database.url, tmp_path, **release(OLD)):
        await _until_all(queue, handles, Status.COMPLETED, but=failed)


@cases("database", [*migrated(), *shaped(shapes=[10])])
async def test_nothing_is_claimed_while_a_worker_pauses_that_has_found_nothing(queue, monkeypatch, caplog):
    """Rows that are claimed and handed back again and again would keep their own workers from them."""
    asked: list[int] = []

    def counting(verb: Callable[..., Awaitable[Any]], place: int) -> Callable[..., Awaitable[Any]]:
        def call(*arguments: Any, **options: Any) -> Awaitable[Any]:
            asked.append(arguments[place])
            return verb(*arguments, **options)

        return call

    monkeypatch.setattr(queue.backend, "claim", counting(queue.backend.claim, 0))
    monkeypatch.setattr(queue.backend, "exchange", counting(queue.backend.exchange, 1))
    await queue.enqueue_many([("no_such_module.known", None)] * COUNT)
    async with working(queue, concurrency=20, poll_max=0.05):
        await until(lambda: "Not claiming for" in caplog.text, what="the pause")
        await asyncio.sleep(0.5)  # for the claims that were under way
        asked.clear()
        await asyncio.sleep(1)  # of 1.8 s at least
        assert not any(asked)


@cases("database", [*migrated(["sqlite"]), *shaped(["sqlite"], [10])])
async def test_a_module_that_is_still_being_imported_may_be_the_right_one(queue, database, tmp_path, release):
    strange = await queue.enqueue_many([("nowhere.work", None)] * 30)
    known = await queue.enqueue("deployed.known")
    with WorkerProcess(database.url, tmp_path, "--burst", **release(f"import time; time.sleep(0.5)\n{OLD}")) as worker:
        assert await worker.wait() == 0
        assert "the right virtual environment?" not in worker.text()
    assert await known.status() == Status.COMPLETED
    end = Status.SCHEDULED if queue.backend.shape.migrated else Status.FAILED
    assert {record.status for record in await queue.backend.get([each.id for each in strange])} == {end}


@cases("database", [*migrated(), *shaped(shapes=[10])])
async def test_a_burst_in_the_wrong_virtual_environment_ends_and_fails_a_few(queue, database, tmp_path, release):
    await queue.enqueue_many([("deployed.known", None)] * COUNT)
    with WorkerProcess(database.url, tmp_path, "--burst", **release(BROKEN)) as worker:
        assert await worker.wait() == 1
        assert "the right virtual environment?" in worker.text()
    assert 10 <= await queue.count(status=Status.FAILED) <= 12
    assert await queue.count(status=Status.QUEUED) >= COUNT - 12
