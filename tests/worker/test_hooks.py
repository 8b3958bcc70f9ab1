"""Hooks after the ends of tasks: how many are called at once, and what becomes of those that do not end."""

from __future__ import annotations

import asyncio
import functools
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


def with_a_hook_that_hangs(queue: Queue, begun: threading.Event, let_go: threading.Event) -> Worker:
    """A worker without a grace time, whose plain hook says that it has begun and waits until it is let go."""

    def stuck(_info):
        begun.set()
        let_go.wait(60)

    settings = queue.settings.model_copy(update={"grace": 0})
    return Worker(queue, settings=settings, application=Application(hooks=Hooks(on_success=(stuck,))))


@ON_SQLITE
async def test_a_plain_hook_that_hangs_does_not_keep_a_stopped_worker(queue, monkeypatch, caplog):
    monkeypatch.setattr(workers, "_UNWIND", 0.1)
    begun, let_go = threading.Event(), threading.Event()
    worker = with_a_hook_that_hangs(queue, begun, let_go)
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


class Refusing:
    """A hook that is an object, of which every repr has an address."""

    def __call__(self, _info, *_details):
        raise ValueError("of the hook")


async def refuses(_info, *_details):
    raise ValueError("of the hook")


@ON_SQLITE
async def test_the_line_about_a_hook_that_fails_says_of_which_task(queue, caplog):
    await queue.migrate()
    events = ("before_job", "on_success", "on_failure", "before_loop", "after_loop")
    hooks = Hooks(**{event: (Refusing(), refuses, functools.partial(refuses)) for event in events})
    handles = {
        name: await queue.enqueue(f"tests.worker.sample_tasks.{name}", arguments, queue="mail")
        for name, arguments in (("add", {"a": 1, "b": 2}), ("count_to", {"number": 1}), ("fail", {}))
    }
    await Worker(queue, application=Application(hooks=hooks)).run(burst=True)
    lines = [record for record in caplog.records if record.name == "asyncqueue.hooks"]
    seen = {(record.getMessage().split()[1], record.task.rpartition(".")[2]) for record in lines}
    assert seen == {
        *(("before_job", name) for name in handles),
        *(("on_success", "add"), ("on_success", "count_to"), ("on_failure", "fail")),
        *(("before_loop", "count_to"), ("after_loop", "count_to")),
    }
    for record in lines:
        event, name = record.getMessage().split()[1], record.task.rpartition(".")[2]
        about = f"failed for task {handles[name].id} (tests.worker.sample_tasks.{name}): the task is not affected"
        hook = f"the {event} hook {__name__}"
        assert record.getMessage() in {f"{hook}.{each} {about}" for each in ("Refusing", "refuses")}
        fields = (record.task_id, record.attempt, record.queue)
        assert fields == (str(handles[name].id), 1, "mail")


@ON_SQLITE
async def test_the_lines_about_a_hook_that_is_abandoned_say_of_which_task(queue, monkeypatch, caplog):
    monkeypatch.setattr(workers, "_UNWIND", 0.1)
    begun, let_go = threading.Event(), threading.Event()
    worker = with_a_hook_that_hangs(queue, begun, let_go)
    working = asyncio.create_task(worker.run())
    await enqueued(queue, 1)
    await until(begun.is_set, 10, "the hook")
    worker.stop()
    await asyncio.wait_for(working, 20)
    let_go.set()
    await until(lambda: "abandoned earlier, has ended" in caplog.text, 10, "the end of the thread")
    [record] = await queue.list()
    lines = [line for line in caplog.records if line.getMessage().startswith("the thread of the on_success hook ")]
    assert len(lines) == 2
    for line in lines:
        assert f"stuck for task {record.id} ({record.task})" in line.getMessage()
        assert "0x" not in line.getMessage()
        assert (line.task_id, line.task, line.attempt, line.queue) == (str(record.id), record.task, 1, "default")
