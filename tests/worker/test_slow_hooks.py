"""Hooks that keep the worker from claiming: what the log says, and what becomes of those that hang."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading

import pytest

from asyncqueue import Application, Hooks, Queue, Status, Worker
from asyncqueue.worker import firing
from asyncqueue.worker import worker as workers
from tests.servers.cases import cases, shaped
from tests.worker.process import ended, until
from tests.worker.test_hooks import enqueued

ON_SQLITE = cases("database", shaped(["sqlite"], [10]))
KINDS = pytest.mark.parametrize("kind", ["plain", "async"])
SAID = "claiming nothing until they have caught up"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(firing, "_BACKLOG", 10)
    monkeypatch.setattr(firing, "_SOON", 0.05)
    monkeypatch.setattr(workers, "_UNWIND", 0.1)


@pytest.fixture
def let_go():
    """Ends the plain hooks that hang."""
    event = threading.Event()
    yield event
    event.set()


def worker_with(queue: Queue, kind: str, let_go: threading.Event, *, hang: int | None = None) -> Worker:
    """A worker of whose calls of the hook so many hang, or all."""
    calls = itertools.count()

    def hangs() -> bool:
        return hang is None or next(calls) < hang

    def stuck_plain(_info):
        if hangs():
            let_go.wait()

    async def stuck_async(_info):
        if hangs():
            await asyncio.Event().wait()

    hook = stuck_plain if kind == "plain" else stuck_async
    settings = queue.settings.model_copy(update={"concurrency": 5, "prefetch": 5, "grace": 0})
    return Worker(queue, settings=settings, application=Application(hooks=Hooks(on_success=(hook,))))


async def _stopped(worker, working):
    worker.stop()
    worker.stop()
    await asyncio.wait_for(working, 20)


def _said(caplog):
    return [record.getMessage() for record in caplog.records if SAID in record.getMessage()]


@ON_SQLITE
@KINDS
async def test_the_log_says_that_hooks_keep_the_worker_from_claiming_and_which(queue, caplog, let_go, kind):
    worker = worker_with(queue, kind, let_go)
    working = asyncio.create_task(worker.run())
    await enqueued(queue, 300)
    await until(lambda: bool(_said(caplog)), 20, "the line in the log")
    assert worker._firing.behind
    [line] = _said(caplog)
    assert f"the on_success hook {__name__}.worker_with.<locals>.stuck_{kind} (" in line
    await _stopped(worker, working)
    assert len(_said(caplog)) == 1
    assert "keep the worker from claiming, and are abandoned" not in caplog.text


@ON_SQLITE
async def test_the_log_says_it_at_most_once_a_minute_where_hooks_catch_up_again_and_again(queue, caplog):
    go_on = asyncio.Event()

    async def slow(_info):
        await go_on.wait()

    settings = queue.settings.model_copy(update={"concurrency": 50, "prefetch": 50})
    worker = Worker(queue, settings=settings, application=Application(hooks=Hooks(on_success=(slow,))))
    working = asyncio.create_task(worker.run())
    for _ in range(3):
        go_on.clear()
        await enqueued(queue, 60)
        await until(lambda: worker._firing.behind, 20, "a backlog")
        await until(lambda: bool(_said(caplog)), 20, "the line in the log")
        go_on.set()
        await until(lambda: ended(queue), 20, "the tasks")
        await until(lambda: not worker._firing.behind, 20, "the hooks")
    await _stopped(worker, working)
    assert len(_said(caplog)) == 1


@ON_SQLITE
@KINDS
async def test_calls_that_keep_the_worker_from_claiming_for_long_are_abandoned(
    queue, caplog, monkeypatch, let_go, kind
):
    monkeypatch.setattr(firing, "_LONG", 0.3)
    worker = worker_with(queue, kind, let_go, hang=40)
    working = asyncio.create_task(worker.run())
    await enqueued(queue, 300)
    await until(lambda: ended(queue), 30, "the tasks")
    assert await queue.count(status=Status.COMPLETED) == 300
    line = next(each for each in caplog.messages if "keep the worker from claiming, and are abandoned" in each)
    assert f"stuck_{kind} (" in line
    await _stopped(worker, working)
    assert worker.progress.abandoned_hooks >= 40


@ON_SQLITE
async def test_a_worker_does_not_fill_up_with_threads_of_hooks(queue, caplog, monkeypatch, let_go):
    """Where so many hang, it claims nothing and goes on saying so."""
    monkeypatch.setattr(firing, "_LONG", 0.1)
    monkeypatch.setattr(firing, "_LEFT", 20)
    worker = worker_with(queue, "plain", let_go)
    monkeypatch.setattr(firing, "threads_left", lambda: worker._firing.abandoned)  # those of other tests go on
    working = asyncio.create_task(worker.run())
    await enqueued(queue, 300)
    await until(lambda: len(_said(caplog)) >= 5, 30, "the lines in the log")
    assert worker._firing.abandoned <= 20
    let_go.set()
    await until(lambda: ended(queue), 30, "the tasks")
    await _stopped(worker, working)


@ON_SQLITE
@KINDS
async def test_a_burst_whose_hooks_hang_ends(queue, caplog, monkeypatch, let_go, kind):
    monkeypatch.setattr(firing, "_LONG", 0.3)
    worker = worker_with(queue, kind, let_go)
    await enqueued(queue, 300)
    await asyncio.wait_for(worker.run(burst=True), 30)
    assert worker.progress.astray, "its exit code is 1"
    completed, left = [await queue.count(status=status) for status in (Status.COMPLETED, Status.QUEUED)]
    assert 0 < completed < 100
    assert completed + left == 300
    assert "keep the worker from claiming, and are abandoned" in caplog.text
    assert not [record for record in caplog.records if record.levelno > logging.ERROR]
