"""Hooks after the ends of tasks: how many are called at once, and what becomes of those that do not end."""

from __future__ import annotations

import asyncio
import signal
import threading

import pytest

from asyncqueue import Application, Hooks, Queue, Status, Worker
from asyncqueue.worker import firing
from asyncqueue.worker import worker as workers
from tests.servers.cases import cases, shaped
from tests.worker import sample_tasks
from tests.worker.process import WorkerProcess, ended, lines, until

ON_SQLITE = cases("database", shaped(["sqlite"], [10]))


async def enqueued(queue: Queue, number: int) -> None:
    await queue.enqueue_many([(sample_tasks.add, {"a": n, "b": 0}) for n in range(number)])


@ON_SQLITE
async def test_a_plain_hook_that_hangs_does_not_keep_a_stopped_worker(queue, monkeypatch, caplog):
    monkeypatch.setattr(workers, "_UNWIND", 0.1)
    begun, let_go = threading.Event(), threading.Event()

    def stuck(_info):
        begun.set()
        let_go.wait(60)

    settings = queue.settings.model_copy(update={"grace": 0})
    worker = Worker(queue, settings=settings, application=Application(hooks=Hooks(on_success=(stuck,))))
    working = asyncio.create_task(worker.run())
    await enqueued(queue, 3)
    await until(begun.is_set, 10, "the hook")
    await until(lambda: ended(queue), 10, "the tasks")
    worker.stop()
    await asyncio.wait_for(working, 20)
    assert worker.progress.abandoned_hooks == 3
    assert "3 calls of hooks have not ended in time" in caplog.text
    let_go.set()


@ON_SQLITE
async def test_hooks_have_the_grace_time(queue, monkeypatch):
    monkeypatch.setattr(workers, "_UNWIND", 0.1)
    done = []

    async def slow(info):
        await asyncio.sleep(0.5)
        done.append(info.id)

    settings = queue.settings.model_copy(update={"grace": 20})
    worker = Worker(queue, settings=settings, application=Application(hooks=Hooks(on_success=(slow,))))
    await enqueued(queue, 40)
    await asyncio.wait_for(worker.run(burst=True), 20)
    assert len(set(done)) == 40


@ON_SQLITE
async def test_hooks_are_called_a_bounded_number_at_once(queue):
    now, most, called = 0, 0, 0

    async def counting(_info):
        nonlocal now, most, called
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.005)
        now -= 1
        called += 1

    worker = Worker(queue, application=Application(hooks=Hooks(on_success=(counting,))))
    await enqueued(queue, 500)
    await asyncio.wait_for(worker.run(burst=True), 30)
    assert (called, most) == (500, firing._AT_ONCE)


@ON_SQLITE
async def test_a_worker_whose_hooks_are_behind_claims_no_more(queue, monkeypatch):
    monkeypatch.setattr(firing, "_BACKLOG", 10)
    let_go = asyncio.Event()

    async def waiting(_info):
        await let_go.wait()

    settings = queue.settings.model_copy(update={"concurrency": 5, "prefetch": 5})
    worker = Worker(queue, settings=settings, application=Application(hooks=Hooks(on_success=(waiting,))))
    working = asyncio.create_task(worker.run(burst=True))
    await enqueued(queue, 300)
    await until(lambda: worker._firing.behind, 10, "a backlog")
    await asyncio.sleep(0.3)
    assert worker.progress.completed < 100, "what was under way, and nothing later"
    let_go.set()
    await asyncio.wait_for(working, 20)
    assert await queue.count(status=Status.COMPLETED) == 300


@ON_SQLITE
@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_hooks_that_cannot_be_stopped_do_not_keep_the_process(database, queue, tmp_path, kind):
    witness = tmp_path / "witness"
    (tmp_path / "stuck_hooks.py").write_text(
        "import asyncio, time\n"
        "from tests.worker.sample_tasks import witnessed\n"
        f"witness = {str(witness)!r}\n"
        + {
            "plain": "def on_success(info):\n    witnessed(witness, 'hook')\n    time.sleep(600)\n",
            "async": "async def on_success(info):\n    witnessed(witness, 'hook')\n    while True:\n        try:\n"
            "            await asyncio.sleep(600)\n        except asyncio.CancelledError:\n            pass\n",
        }[kind]
    )
    stuck = {"ASYNCQUEUE_HOOKS": "stuck_hooks", "PYTHONPATH": str(tmp_path)}
    with WorkerProcess(database.url, tmp_path, "--grace", "0", **stuck) as worker:
        await enqueued(queue, 1)
        await until(lambda: lines(witness) == ["hook"], what="the hook")
        worker.signal(signal.SIGTERM)
        assert await worker.wait(30) == 0
        assert "ending with tasks or hooks that cannot be stopped" in worker.text()
