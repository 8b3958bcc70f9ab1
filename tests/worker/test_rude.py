"""Tasks that cancel all asyncio tasks, or end the event loop: neither ends the worker, nor its other tasks."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections import Counter
from collections.abc import Coroutine
from contextlib import contextmanager
from typing import Any, cast

import pytest

from asyncqueue import Queue, Status, Worker, background
from asyncqueue.backends.common.shielding import carried
from asyncqueue.errors import DatabaseUnavailable, TaskFailed
from asyncqueue.running.imports import Imports
from asyncqueue.running.run import current_run
from asyncqueue.running.threads import Threads
from asyncqueue.worker.supervisor import Loop, keep
from tests.servers.cases import DIALECTS, cases, shaped
from tests.worker import rude_tasks, sample_tasks
from tests.worker.process import WorkerProcess, ended, lines, until

ON_SQLITE = cases("database", shaped(["sqlite"], [10]))
EVERYWHERE = cases("database", shaped(DIALECTS, [10]))


@pytest.fixture(params=["uvloop", "asyncio"])
def environment(request, tmp_path):
    """Has the worker run in this event loop."""
    if request.param == "uvloop":
        return {}
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "uvloop.py").write_text("raise ImportError('hidden by a test')\n")
    return {"PYTHONPATH": str(hidden)}


@contextmanager
def once(witness, keys):
    """Each of these neighbours runs once, to its end."""
    yield
    assert Counter(lines(witness)) == Counter([f"{what} {key}" for what in ("start", "end") for key in keys])


async def beside(queue, witness, number=10):
    """Neighbours that are at work, in the event loop and in threads."""
    keys = [str(key) for key in range(number)]
    given = [
        *((rude_tasks.neighbour, {"witness": str(witness), "key": key}) for key in keys[::2]),
        *((sample_tasks.threaded, {"witness": str(witness), "key": key, "seconds": 1.5}) for key in keys[1::2]),
    ]
    handles = await queue.enqueue_many(given)
    await until(lambda: len(lines(witness)) == number, what="their starts")
    return keys, handles


@ON_SQLITE
async def test_a_task_that_cancels_all_tasks_cancels_its_own_only(database, queue, environment, tmp_path):
    witness = tmp_path / "witness"
    with WorkerProcess(database.url, tmp_path, **environment) as worker:
        await (await queue.enqueue(rude_tasks.remember_loop)).result(timeout=20)
        keys, handles = await beside(queue, witness)
        with once(witness, keys):
            polite = await queue.enqueue(rude_tasks.cancel_all_but_me)
            assert await polite.result(timeout=10) == ["mine"]
            beside_enqueue = await queue.enqueue(rude_tasks.cancel_all_beside_enqueue, {"seconds": 0})
            assert await beside_enqueue.result(timeout=10) == ["mine"]
            assert await (await queue.enqueue(rude_tasks.cancel_all_from_thread)).result(timeout=10) == 0
            for rude in (rude_tasks.cancel_all, rude_tasks.cancel_all_soon):
                with pytest.raises(TaskFailed, match="CancelledError"):
                    await (await queue.enqueue(rude)).result(timeout=10)
            assert [await handle.result(timeout=10) for handle in handles] == [*keys[::2], *keys[1::2]]
        assert worker.alive


@EVERYWHERE
async def test_a_worker_whose_loops_are_cancelled_goes_on(database, queue, tmp_path):
    """By a task that finds each asyncio task of the process. What was on its way to the table may be lost with that."""
    witness = tmp_path / "witness"
    often = ("--lease", "2", "--heartbeat", "0.3", "--timeout", "60", "--on-lost", "requeue")
    with WorkerProcess(database.url, tmp_path, *often) as worker:
        sleeping = (sample_tasks.slow, {"witness": str(tmp_path / "beside"), "key": "a", "seconds": 2})
        handles = await queue.enqueue_many([sleeping] * 10)
        await until(lambda: len(lines(tmp_path / "beside")) == 10, what="their starts")
        for _ in range(3):
            await queue.enqueue(rude_tasks.cancel_everything, {"witness": str(witness)})
            await until(lambda: ended(queue), 30, "the end of all")
        assert [await handle.status() for handle in handles] == [Status.COMPLETED] * 10
        assert lines(witness).count("cancels everything") >= 3
        assert worker.alive
        assert "was cancelled, and not by the worker" in worker.text()


@EVERYWHERE
async def test_no_write_claim_or_wait_is_lost_where_a_task_cancels_all_that_it_finds(database, queue, tmp_path):
    """A claim that got lost would be in progress for a lease of more than an hour."""
    with WorkerProcess(database.url, tmp_path, "--timeout", "3600") as worker:
        rude = await queue.enqueue(rude_tasks.cancel_again_and_again, {"seconds": 4})
        waiting = await queue.enqueue_many([(rude_tasks.enqueue_and_wait, {"times": 30})] * 3)
        isolated = await queue.enqueue_many([(rude_tasks.say_and_return, {"key": key}) for key in "ab"])
        quick = await queue.enqueue_many([(sample_tasks.add, {"a": n, "b": 0}) for n in range(300)])
        for each in waiting:
            assert await each.result(timeout=60) == list(range(30))
        for each, key in zip(isolated, "ab", strict=True):
            assert await each.result(timeout=60) == key
            assert (await each.record()).log == "".join(f"{key} {number}\n" for number in range(10))
        assert [await each.result(timeout=60) for each in quick] == list(range(300))
        cancelled = await rude.result(timeout=30)
        assert not [name for name in cancelled if name.startswith("asyncqueue ")]
        await until(lambda: ended(queue), 30, "the end of all")
        assert worker.alive


async def test_work_that_is_cancelled_all_the_same_has_an_unknown_outcome():
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.sleep(60)

    calling = asyncio.create_task(carried(work()))
    await begun.wait()
    [working] = [each for each in asyncio.all_tasks() if each.get_name() == "asyncqueue work"]
    background.cancel(working)
    with pytest.raises(DatabaseUnavailable, match="not known"):
        await calling


@ON_SQLITE
async def test_an_exchange_that_is_cancelled_before_it_begins_loses_nothing(queue, monkeypatch):
    worker = Worker(queue)
    exchange = worker._exchange
    begin, take = exchange._begin, exchange._take
    cancelled: list[bool] = []
    taken: list[Coroutine[Any, Any, None]] = []

    def take_and_keep(turn):
        taken.append(take(turn))
        return taken[-1]

    def begin_and_cancel(turns):
        before = asyncio.all_tasks()
        begun = begin(turns)
        if begun and len(cancelled) == exchange.made < 3:
            [turn] = asyncio.all_tasks() - before
            cancelled.append(turn.cancel())
        return begun

    monkeypatch.setattr(exchange, "_begin", begin_and_cancel)
    monkeypatch.setattr(exchange, "_take", take_and_keep)
    handles = await queue.enqueue_many([(sample_tasks.add, {"a": n, "b": 0}) for n in range(300)])
    await asyncio.wait_for(worker.run(burst=True), 20)
    assert [await handle.result(timeout=1) for handle in handles] == list(range(300))
    assert cancelled == [True] * 3
    for coroutine in taken:
        coroutine.close()  # or Python warns of those that have not begun


@ON_SQLITE
async def test_a_task_that_ends_the_event_loop_does_not_end_the_worker(database, queue, environment, tmp_path):
    witness = tmp_path / "witness"
    with WorkerProcess(database.url, tmp_path, **environment) as worker:
        keys, handles = await beside(queue, witness)
        with once(witness, keys):
            rude = {how: await queue.enqueue(rude_tasks.end_worker, {"how": how}) for how in FAILING + PASSING}
            for how in FAILING:
                with pytest.raises(TaskFailed, match=FAILS[how]):
                    await rude[how].result(timeout=10)
            assert [await rude[how].result(timeout=10) for how in PASSING] == PASSING
            assert [await handle.result(timeout=10) for handle in handles] == [*keys[::2], *keys[1::2]]
        assert worker.alive
        assert "a task has ended the event loop, by " in worker.text()
        await (await queue.enqueue(sample_tasks.add, {"a": 1, "b": 1})).result(timeout=10)
        worker.signal(signal.SIGINT)
        assert await worker.wait(20) == 0, "Ctrl-C is still heard"


async def test_an_import_that_several_wait_for_is_cancelled_by_the_code_of_no_run():
    may_end, began = threading.Event(), threading.Event()

    class Slow:
        def resolve(self, path: str) -> str:
            began.set()
            assert may_end.wait(20)
            return f"the function at {path}"

    class Rude:
        task = None

    imports: Any = Imports(cast(Any, Slow()), Threads())
    waiting = [asyncio.ensure_future(imports.resolve("app.slow")) for _ in range(2)]
    await until(began.is_set, what="the import")
    [importing] = [each for each in asyncio.all_tasks() if each.get_name() == "asyncqueue import"]
    token = current_run.set(cast(Any, Rude()))
    try:
        importing.cancel()
    finally:
        current_run.reset(token)
    await asyncio.sleep(0)
    may_end.set()
    assert await asyncio.gather(*waiting) == ["the function at app.slow"] * 2


async def test_a_loop_that_is_cancelled_again_and_again_waits_no_longer_each_time(caplog):
    times = 0

    async def run() -> None:
        nonlocal times
        times += 1
        if times < 8:
            raise asyncio.CancelledError

    with caplog.at_level(logging.WARNING):
        await keep(Loop("do its work", run, ends=True))
    pauses = [record.args[1] for record in caplog.records if "not by the worker" in record.msg]
    assert pauses == [0.1] * 7


FAILS = {
    "gather": r"SystemExit\(3\)",
    "interrupt": "KeyboardInterrupt",
    "group": r"SystemExit\(4\)",
    "close": "RuntimeError",
}
FAILING, PASSING = list(FAILS), ["forget", "soon", "stop"]


@ON_SQLITE
def test_what_is_torn_down_with_the_program_around_a_worker_is_released(database, tmp_path):
    """asyncio.run cancels every asyncio task when it ends, those of the tasks that run as well."""
    witness = tmp_path / "witness"

    async def program() -> None:
        async with Queue(database.url) as queue:
            worker = asyncio.create_task(Worker(queue).run())
            await beside(queue, witness, 6)
            asyncio.get_running_loop().call_soon(rude_tasks._leave)
            await worker

    with pytest.raises(SystemExit):
        asyncio.run(program())
    # The threads of three run on, and nobody can stop them.
    assert database.execute(f"SELECT count(*) FROM {database.table} WHERE status = 0") == [(6,)]
