"""A task's log while it runs, and after it was cancelled or lost."""

from __future__ import annotations

import signal
import uuid
from contextlib import asynccontextmanager
from typing import Any

import pytest

from asyncqueue import Queue, Settings, Status
from asyncqueue.errors import DatabaseUnavailable, DataRejected
from asyncqueue.model import ClaimedTask, LogChunk
from asyncqueue.running.capture import Capture
from asyncqueue.testing.work import capturing
from asyncqueue.worker.ledger import HeldClaim, Reason
from asyncqueue.worker.logs import _LARGE, _Followed
from tests.servers.cases import cases, migrated, shaped
from tests.worker import talking_tasks
from tests.worker.process import WorkerProcess, ended, until
from tests.worker.test_trouble import working

EVERYWHERE = cases("database", shaped(shapes=[10]) + migrated())
SQLITE = cases("database", shaped(["sqlite"], [10]))


@asynccontextmanager
async def talking(queue: Queue, **settings: Any):
    """A worker in this process that keeps what tasks print in their logs."""
    with capturing():
        async with working(queue, **settings) as worker:
            yield worker


async def log_of(queue: Queue, handle) -> str | None:
    record = await queue.get(handle.id)
    assert record is not None
    return record.log


async def says(queue: Queue, handle, text: str | None) -> None:
    async def said() -> bool:
        return await log_of(queue, handle) == text

    await until(said, 20, f"the log {text!r}")


@EVERYWHERE
async def test_a_long_tasks_log_can_be_read_while_it_runs(queue, tmp_path):
    handle = await queue.enqueue(talking_tasks.talks, {"folder": str(tmp_path)})
    async with talking(queue, heartbeat=0.3):  # the token moves meanwhile
        await says(queue, handle, "one ä\n")
        (tmp_path / "go").touch()
        await says(queue, handle, "one ä\nWARNING app.talk: two\n")
        assert await handle.status() == Status.RUNNING
        (tmp_path / "end").touch()
        assert await handle.result(timeout=20) == "done"
    assert await log_of(queue, handle) == "one ä\nWARNING app.talk: two\nthree\n"


@EVERYWHERE
async def test_a_cancelled_task_keeps_its_log_and_that_of_its_clean_up(queue, tmp_path):
    handle = await queue.enqueue(talking_tasks.cleans_up, {"folder": str(tmp_path)})
    async with talking(queue, heartbeat=0.2) as worker:
        await until((tmp_path / "begun").exists)
        await handle.cancel()
        (tmp_path / "end").touch()
        await until(lambda: worker.progress.cancelled == 1)
    record = await queue.get(handle.id)
    assert record is not None
    assert (record.status, record.log) == (Status.CANCELLED, "began\ncleaning\ncleaned up\n")


@cases("database", [*shaped(["mysql", "sqlite"], [10]), *migrated(["postgresql"])])
async def test_a_task_that_ends_before_it_hears_of_its_cancellation_keeps_its_log(queue, tmp_path):
    handle = await queue.enqueue(talking_tasks.ends_in_its_time, {"folder": str(tmp_path)})
    async with talking(queue, heartbeat=60, lease=200, timeout=100) as worker:
        await until((tmp_path / "begun").exists)
        await _cancel_silently(queue, handle)
        (tmp_path / "end").touch()
        await until(lambda: worker.progress.lost + worker.progress.cancelled == 1)
    assert (await handle.status(), await log_of(queue, handle)) == (Status.CANCELLED, "to its end\n")


async def _cancel_silently(queue: Queue, handle) -> None:
    """Cancel without a notification."""
    async with Queue(settings=Settings(database_url=queue.settings.database_url, notify=False)) as other:
        await other.cancel(handle.id)


@SQLITE
async def test_a_cancelled_task_in_a_process_of_its_own_keeps_its_log(queue, tmp_path):
    handle = await queue.enqueue(talking_tasks.cleans_up_in_a_process, {"folder": str(tmp_path)})
    async with talking(queue, heartbeat=0.2) as worker:
        await until((tmp_path / "begun").exists)
        await handle.cancel()
        (tmp_path / "end").touch()
        await until(lambda: worker.progress.cancelled == 1)
    assert await log_of(queue, handle) == "began\ncleaning\ncleaned up\n"


@SQLITE
async def test_a_task_that_was_queued_again_while_it_cleaned_up_has_the_log_of_its_second_run(queue, tmp_path):
    handle = await queue.enqueue(talking_tasks.cleans_up, {"folder": str(tmp_path)})
    async with talking(queue, heartbeat=0.2) as worker:
        await until((tmp_path / "begun").exists)
        await handle.cancel()
        await until(lambda: any(held.reason is Reason.CANCELLED for held in worker._ledger))
        await queue.requeue(handle.id)
        worker.stop()  # the second run is another worker's
        (tmp_path / "end").touch()
        await until(lambda: worker.progress.cancelled == 1)
    assert await handle.status() == Status.QUEUED
    assert await log_of(queue, handle) is None


@cases("database", [*shaped(["sqlite"], [10]), *migrated(["sqlite"])])
async def test_a_lost_workers_task_keeps_what_it_has_logged(queue, database, tmp_path):
    handle = await queue.enqueue("tests.worker.talking_tasks.talks", {"folder": str(tmp_path)})
    options = ("--lease", "3", "--heartbeat", "0.5", "--timeout", "60", "--max-losses", "1")
    with WorkerProcess(database.url, tmp_path, *options) as worker:
        await says(queue, handle, "one ä\n")
        worker.signal(signal.SIGKILL)
        await worker.wait()
    with WorkerProcess(database.url, tmp_path, *options):
        await until(lambda: ended(queue), 40, "the rescue")
    assert (await handle.status(), await log_of(queue, handle)) == (Status.FAILED, "one ä\n")


@SQLITE
async def test_quick_tasks_cost_no_write_of_their_logs(queue, monkeypatch):
    written: list[LogChunk] = []
    append_log = queue.backend.append_log

    async def counted(chunks):
        written.extend(chunks)
        return await append_log(chunks)

    monkeypatch.setattr(queue.backend, "append_log", counted)
    handles = await queue.enqueue_many([(talking_tasks.quick, {"number": number}) for number in range(500)])
    async with talking(queue, concurrency=10):
        await until(lambda: ended(queue))
    assert await log_of(queue, handles[-1]) == "number 499\n"
    assert written == []


@SQLITE
async def test_an_outage_does_not_cost_a_cancelled_task_its_log(queue, tmp_path, monkeypatch):
    handle = await queue.enqueue(talking_tasks.cleans_up, {"folder": str(tmp_path)})
    async with talking(queue, heartbeat=0.2) as worker:
        await until((tmp_path / "begun").exists)
        await handle.cancel()
        await until(lambda: any(held.reason is Reason.CANCELLED for held in worker._ledger))
        with monkeypatch.context() as patched:
            tried = 0

            async def refused(_chunks):
                nonlocal tried
                tried += 1
                raise DatabaseUnavailable("this verb is switched off by a test")

            patched.setattr(queue.backend, "append_log", refused)
            (tmp_path / "end").touch()
            await until(lambda: tried > 1)
        await says(queue, handle, "began\ncleaning\ncleaned up\n")


@SQLITE
@pytest.mark.parametrize("how", ["runs", "was cancelled"])
async def test_a_log_that_the_database_refuses_is_in_nobodys_way(queue, tmp_path, monkeypatch, how):
    append_log = queue.backend.append_log

    async def narrow(chunks):
        if any(not chunk.text.isascii() for chunk in chunks):
            raise DataRejected("only ASCII here")
        return await append_log(chunks)

    monkeypatch.setattr(queue.backend, "append_log", narrow)
    handle = await queue.enqueue(talking_tasks.talks, {"folder": str(tmp_path)})
    other = await queue.enqueue(talking_tasks.ends_in_its_time, {"folder": str(tmp_path)})
    async with talking(queue, heartbeat=0.2):
        await says(queue, other, "to its end\n")
        assert await log_of(queue, handle) is None
        if how == "was cancelled":
            await handle.cancel()
            await says(queue, handle, "one \\xe4\n")
        (tmp_path / "go").touch()
        (tmp_path / "end").touch()
        await until(lambda: ended(queue))
    if how == "runs":
        assert await log_of(queue, handle) == "one ä\nWARNING app.talk: two\nthree\n"


def test_a_large_log_is_not_written_for_each_line():
    """The database writes all of it each time: what is written in all stays in proportion to what was logged."""
    capture = Capture(1 << 20)
    held = HeldClaim(ClaimedTask(uuid.uuid4(), "app.task", None, "t1", "t0"), "t1", 0.0)
    followed = _Followed(held, capture)
    written = 0
    line = "x" * 99 + "\n"
    for _ in range(10_000):
        capture.write(line)
        if followed.due(followed._at):  # no time passes
            chunk, parts, size = followed.take()
            followed.written(chunk, parts, size)
            if size > _LARGE:
                written += size
    assert written < 20 * capture.size
    chunk, parts, size = followed.take()
    assert followed.offset + len(chunk.text) == capture.size
    assert followed.due(followed._at + 6)
